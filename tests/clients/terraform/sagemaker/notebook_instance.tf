resource "aws_sagemaker_notebook_instance" "lab" {
  name                  = "terraform-lab"
  role_arn              = aws_iam_role.sagemaker.arn
  instance_type         = "ml.t3.medium"
  volume_size           = 5 + var.revision # an update stops it, changes it and starts it
  lifecycle_config_name = aws_sagemaker_notebook_instance_lifecycle_configuration.setup.name
}
