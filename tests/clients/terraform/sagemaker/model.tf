resource "aws_sagemaker_model" "linear" {
  name               = "terraform-linear"
  execution_role_arn = aws_iam_role.sagemaker.arn
  tags               = { revision = var.revision }

  primary_container {
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
  }
}
