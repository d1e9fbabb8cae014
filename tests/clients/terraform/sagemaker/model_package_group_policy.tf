data "aws_caller_identity" "own" {}

resource "aws_sagemaker_model_package_group_policy" "houses" {
  model_package_group_name = aws_sagemaker_model_package_group.houses.model_package_group_name

  resource_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "revision${var.revision}"
      Effect    = "Allow"
      Action    = ["sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages"]
      Resource  = aws_sagemaker_model_package_group.houses.arn
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.own.account_id}:root" }
    }]
  })
}
