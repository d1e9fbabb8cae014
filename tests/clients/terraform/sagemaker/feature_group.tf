resource "aws_sagemaker_feature_group" "houses" {
  feature_group_name             = "terraform-houses"
  record_identifier_feature_name = "id"
  event_time_feature_name        = "time"
  role_arn                       = aws_iam_role.sagemaker.arn
  tags                           = { revision = var.revision }

  feature_definition {
    feature_name = "id"
    feature_type = "Integral"
  }

  feature_definition {
    feature_name = "time"
    feature_type = "String"
  }

  online_store_config {
    enable_online_store = true

    ttl_duration {
      unit  = "Days"
      value = var.revision
    }
  }

  offline_store_config {
    s3_storage_config {
      s3_uri = "s3://${aws_s3_bucket.sagemaker.bucket}/features/"
    }
  }
}
