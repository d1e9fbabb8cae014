terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

provider "aws" {
  default_tags { tags = { project = "housing" } }
}

variable "note" {
  description = "What the second apply changes in place"
  default     = "first"
}
