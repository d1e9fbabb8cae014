# A team's notebook instance and all that it needs.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "repository" {}
variable "credentials" { sensitive = true }
variable "index" {}

resource "aws_iam_role" "lab" {
  name = "terraform-lab"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "sagemaker.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "lab" {
  role       = aws_iam_role.lab.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
}

resource "aws_secretsmanager_secret" "git" {
  name                    = "AmazonSageMaker-terraform-lab"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "git" {
  secret_id     = aws_secretsmanager_secret.git.id
  secret_string = var.credentials
}

resource "aws_sagemaker_code_repository" "code" {
  code_repository_name = "terraform-lab"

  git_config {
    repository_url = var.repository
    branch         = "main"
    secret_arn     = aws_secretsmanager_secret.git.arn
  }
}

resource "aws_sagemaker_notebook_instance_lifecycle_configuration" "scripts" {
  name      = "terraform-lab"
  on_create = base64encode(templatefile("${path.module}/on_create.sh", { index = var.index }))
  on_start = base64encode(templatefile("${path.module}/on_start.sh", {
    auto_stop = file("${path.module}/auto_stop.py")
  }))
}

resource "aws_sagemaker_notebook_instance" "lab" {
  name                    = "terraform-lab"
  role_arn                = aws_iam_role.lab.arn
  instance_type           = "ml.t3.medium"
  lifecycle_config_name   = aws_sagemaker_notebook_instance_lifecycle_configuration.scripts.name
  default_code_repository = aws_sagemaker_code_repository.code.code_repository_name

  depends_on = [aws_iam_role_policy_attachment.lab, aws_secretsmanager_secret_version.git]
}
