resource "aws_sagemaker_model_package_group" "houses" {
  model_package_group_name        = "terraform-houses"
  model_package_group_description = "prices of houses"

  tags = { revision = var.revision }
}
