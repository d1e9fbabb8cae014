resource "aws_sagemaker_notebook_instance_lifecycle_configuration" "setup" {
  name      = "terraform-setup"
  on_create = base64encode("echo made")
  on_start  = base64encode("echo revision ${var.revision}")
}
