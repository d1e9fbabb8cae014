resource "aws_sagemaker_domain" "studio" {
  domain_name = "terraform-studio"
  auth_mode   = "IAM"
  vpc_id      = "vpc-0123456789abcdef0"
  subnet_ids  = ["subnet-0123456789abcdef0"]

  default_user_settings {
    execution_role = aws_iam_role.sagemaker.arn
  }
}

resource "aws_sagemaker_user_profile" "ada" {
  domain_id         = aws_sagemaker_domain.studio.id
  user_profile_name = "ada"
}

resource "aws_sagemaker_app" "lab" {
  domain_id         = aws_sagemaker_domain.studio.id
  user_profile_name = aws_sagemaker_user_profile.ada.user_profile_name
  app_name          = "default"
  app_type          = "JupyterLab"
}
