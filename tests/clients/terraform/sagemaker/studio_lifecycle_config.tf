resource "aws_sagemaker_studio_lifecycle_config" "lab" {
  studio_lifecycle_config_name     = "terraform-lab"
  studio_lifecycle_config_app_type = "JupyterLab"
  studio_lifecycle_config_content  = base64encode("echo hello")
  tags                             = { revision = var.revision }
}
