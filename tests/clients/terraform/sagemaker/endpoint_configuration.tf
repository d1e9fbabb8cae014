resource "aws_sagemaker_endpoint_configuration" "linear" {
  name = "terraform-linear"
  tags = { revision = var.revision }

  production_variants {
    variant_name           = "all"
    model_name             = aws_sagemaker_model.linear.name
    initial_instance_count = 1
    instance_type          = "ml.m5.large"
  }
}
