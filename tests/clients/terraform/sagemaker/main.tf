# What all configurations here share. Each resource has a file with its name; `revision` is what an update changes.

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

resource "aws_iam_role" "sagemaker" {
  name = "terraform-sagemaker"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "sagemaker.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "sagemaker" {
  role       = aws_iam_role.sagemaker.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
}

resource "aws_s3_bucket" "sagemaker" {
  bucket        = "terraform-sagemaker"
  force_destroy = true
}
