resource "aws_sagemaker_code_repository" "code" {
  code_repository_name = "terraform-code"
  tags                 = { revision = var.revision }

  git_config {
    repository_url = "https://example.com/team/code.git"
    branch         = "main"
    secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:git-${var.revision}"
  }
}
