# The housing model behind an endpoint, with the unmodified AWS provider.
#
#   eval "$(sagewright env)"          # the provider reads the address and the keys from the environment
#   terraform init && terraform apply -var model_data_url=s3://… -var source_url=s3://…
#
# `sagewright demo` prints both addresses. A changed `instance_count` makes a new configuration, and the endpoint
# moves to it without a gap.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

variable "model_data_url" {
  description = "The model.tar.gz that a training job left"
  type        = string
}

variable "source_url" {
  description = "The sourcedir.tar.gz with train.py, whose model_fn loads the model"
  type        = string
}

variable "image" {
  type    = string
  default = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
}

variable "name" {
  type    = string
  default = "housing"
}

variable "instance_count" {
  type    = number
  default = 1
}

resource "aws_iam_role" "execution" {
  name = "${var.name}-execution"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "sagemaker.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# AmazonSageMakerFullAccess reads only buckets with "sagemaker" in their names; the model may lie in any.
resource "aws_iam_role_policy_attachment" "execution" {
  for_each   = toset(["AmazonSageMakerFullAccess", "AmazonS3ReadOnlyAccess"])
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}

resource "aws_sagemaker_model" "housing" {
  name               = var.name
  execution_role_arn = aws_iam_role.execution.arn
  depends_on         = [aws_iam_role_policy_attachment.execution]

  primary_container {
    image          = var.image
    model_data_url = var.model_data_url
    environment = {
      SAGEMAKER_PROGRAM          = "train.py"
      SAGEMAKER_SUBMIT_DIRECTORY = var.source_url
    }
  }

  tags = { example = "housing" }
}

resource "aws_sagemaker_endpoint_configuration" "housing" {
  name_prefix = "${var.name}-"

  production_variants {
    variant_name           = "AllTraffic"
    model_name             = aws_sagemaker_model.housing.name
    initial_instance_count = var.instance_count
    instance_type          = "ml.m5.large"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint" "housing" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.housing.name
}

output "endpoint" {
  value = aws_sagemaker_endpoint.housing.name
}
