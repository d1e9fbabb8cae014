terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

provider "aws" {
  default_tags { tags = { project = "watching" } }
}

variable "revision" {
  description = "What the second apply changes in place"
  type        = number
  default     = 1
}

variable "endpoint" {
  description = "An endpoint with a variant AllTraffic"
  type        = string
}
