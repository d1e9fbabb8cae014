resource "aws_sagemaker_domain" "studio" {
  domain_name = "terraform-studio"
  auth_mode   = "IAM"
  vpc_id      = "vpc-0123456789abcdef0"
  subnet_ids  = ["subnet-0123456789abcdef0"]
  tags        = { revision = var.revision }

  default_user_settings {
    execution_role = aws_iam_role.sagemaker.arn

    jupyter_lab_app_settings {
      lifecycle_config_arns = [aws_sagemaker_studio_lifecycle_config.lab.arn]

      default_resource_spec {
        instance_type = var.revision == "1" ? "ml.t3.medium" : "ml.t3.large"
      }
    }
  }

  default_space_settings {
    execution_role = aws_iam_role.sagemaker.arn
  }

  retention_policy {
    home_efs_file_system = "Delete"
  }
}
