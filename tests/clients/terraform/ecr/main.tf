# A repository with everything that belongs to it; `revision` is what an update changes.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { made_by = "terraform" }
  }
}

variable "revision" { default = "1" }

resource "aws_ecr_repository" "app" {
  name                 = "terraform/app"
  image_tag_mutability = var.revision == "1" ? "MUTABLE" : "IMMUTABLE"
  force_delete         = true
  tags                 = { revision = var.revision }

  image_scanning_configuration {
    scan_on_push = var.revision != "1"
  }
}

resource "aws_ecr_repository_policy" "app" {
  repository = aws_ecr_repository.app.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Pull${var.revision}"
      Effect    = "Allow"
      Principal = { Service = "sagemaker.amazonaws.com" }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

resource "aws_ecr_lifecycle_policy" "app" {
  repository = aws_ecr_repository.app.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last ones"
      selection    = { tagStatus = "untagged", countType = "imageCountMoreThan", countNumber = 3 + tonumber(var.revision) }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_registry_policy" "own" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Read${var.revision}"
      Effect    = "Allow"
      Principal = { Service = "sagemaker.amazonaws.com" }
      Action    = ["ecr:BatchGetImage"]
      Resource  = ["arn:aws:ecr:us-east-1:${data.aws_caller_identity.me.account_id}:repository/*"]
    }]
  })
}

resource "aws_ecr_registry_scanning_configuration" "own" {
  scan_type = "BASIC"

  rule {
    scan_frequency = "SCAN_ON_PUSH"
    repository_filter {
      filter      = "terraform${var.revision}*"
      filter_type = "WILDCARD"
    }
  }
}

resource "aws_ecr_account_setting" "scope" {
  name  = "REGISTRY_POLICY_SCOPE"
  value = "V2"
}

data "aws_caller_identity" "me" {}
data "aws_ecr_authorization_token" "login" {}

data "aws_ecr_repository" "app" {
  name = aws_ecr_repository.app.name
}

output "repository_url" { value = data.aws_ecr_repository.app.repository_url }

output "host" { value = data.aws_ecr_authorization_token.login.proxy_endpoint }

output "user" {
  value     = data.aws_ecr_authorization_token.login.user_name
  sensitive = true
}
