resource "aws_sagemaker_user_profile" "ada" {
  domain_id         = aws_sagemaker_domain.studio.id
  user_profile_name = "ada"
  tags              = { revision = var.revision }

  user_settings {
    execution_role  = aws_iam_role.sagemaker.arn
    security_groups = ["sg-0123456789abcdef${var.revision}"]
  }
}
