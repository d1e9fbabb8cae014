resource "aws_sagemaker_notebook_instance" "lab" {
  name                  = "terraform-lab"
  role_arn              = aws_iam_role.sagemaker.arn
  instance_type         = "ml.t3.medium"
  lifecycle_config_name = aws_sagemaker_notebook_instance_lifecycle_configuration.setup.name

  tags = { revision = var.revision }
}
