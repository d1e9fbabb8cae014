resource "aws_sagemaker_app_image_config" "lab" {
  app_image_config_name = "terraform-lab"

  jupyter_lab_image_config {
    container_config {
      container_arguments = ["--revision", var.revision]
    }
  }
}
