"""S3's resources through Terraform: applied, unchanged, updated in place, destroyed."""

from typing import Any

import boto3
import pytest

SETTINGS = """
variable "days" { default = 30 }
data "aws_caller_identity" "me" {}

resource "aws_s3_bucket" "data" {
  bucket        = "terraform-settings"
  force_destroy = true
  tags          = { team = "ml" }
}

resource "aws_s3_bucket_versioning" "data" {
  bucket = aws_s3_bucket.data.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "data" {
  bucket                  = aws_s3_bucket.data.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "data" {
  bucket = aws_s3_bucket.data.id
  rule { object_ownership = "BucketOwnerPreferred" }
}

resource "aws_s3_bucket_acl" "data" {
  depends_on = [aws_s3_bucket_ownership_controls.data]
  bucket     = aws_s3_bucket.data.id
  acl        = "log-delivery-write"
}

resource "aws_s3_bucket_policy" "data" {
  depends_on = [aws_s3_bucket_public_access_block.data]
  bucket     = aws_s3_bucket.data.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
      Action    = ["s3:GetObject", "s3:ListBucket"]
      Resource  = [aws_s3_bucket.data.arn, "${aws_s3_bucket.data.arn}/*"]
    }]
  })
}

resource "aws_s3_bucket_cors_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  cors_rule {
    allowed_methods = ["GET", "PUT"]
    allowed_origins = ["https://*.example.com"]
    allowed_headers = ["*"]
    expose_headers  = ["ETag"]
    max_age_seconds = 30
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  depends_on = [aws_s3_bucket_versioning.data]
  bucket     = aws_s3_bucket.data.id
  rule {
    id     = "old"
    status = "Enabled"
    filter { prefix = "logs/" }
    expiration { days = var.days }
    noncurrent_version_expiration {
      noncurrent_days           = 7
      newer_noncurrent_versions = 2
    }
    abort_incomplete_multipart_upload { days_after_initiation = 3 }
  }
  rule {
    id     = "cold"
    status = "Enabled"
    filter {
      and {
        prefix                   = "models/"
        tags                     = { keep = "long" }
        object_size_greater_than = 1000
      }
    }
    transition {
      days          = 60
      storage_class = "GLACIER"
    }
  }
}

resource "aws_s3_bucket_website_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  index_document { suffix = "index.html" }
  error_document { key = "error.html" }
}

resource "aws_s3_bucket_accelerate_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  status = "Enabled"
}

resource "aws_s3_bucket_request_payment_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  payer  = "Requester"
}

resource "aws_s3_bucket_notification" "data" {
  bucket      = aws_s3_bucket.data.id
  eventbridge = true
}

resource "aws_s3_bucket_intelligent_tiering_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  name   = "all"
  tiering {
    access_tier = "ARCHIVE_ACCESS"
    days        = 120
  }
}

resource "aws_s3_object" "row" {
  depends_on = [aws_s3_bucket_versioning.data]
  bucket     = aws_s3_bucket.data.id
  key        = "dir/row.csv"
  content    = "days ${var.days}"
  tags       = { a = "b" }
}

resource "aws_s3_object_copy" "copy" {
  bucket = aws_s3_bucket.data.id
  key    = "dir/copy.csv"
  source = "${aws_s3_bucket.data.id}/${aws_s3_object.row.key}"
  tags   = { a = "b" }
}

resource "aws_s3_bucket" "vault" {
  bucket              = "terraform-vault"
  object_lock_enabled = true
  force_destroy       = true
}

resource "aws_s3_bucket_object_lock_configuration" "vault" {
  bucket = aws_s3_bucket.vault.id
  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = 5
    }
  }
}

resource "aws_s3_object" "kept" {
  depends_on                    = [aws_s3_bucket_object_lock_configuration.vault]
  bucket                        = aws_s3_bucket.vault.id
  key                           = "kept"
  content                       = "x"
  object_lock_legal_hold_status = "ON"
  object_lock_mode              = "GOVERNANCE"
  object_lock_retain_until_date = "2040-01-01T00:00:00Z"
  force_destroy                 = true
}

data "aws_s3_objects" "all" {
  bucket     = aws_s3_bucket.data.id
  depends_on = [aws_s3_object.row]
}
"""


def test_settings_are_applied_kept_updated_and_destroyed(terraform: Any) -> None:
    s3 = boto3.client("s3")
    (terraform.folder / "main.tf").write_text(SETTINGS)
    terraform.init()
    terraform.apply()
    terraform.apply("-var=days=40")
    rules = s3.get_bucket_lifecycle_configuration(Bucket="terraform-settings")["Rules"]
    assert rules[0]["Expiration"]["Days"] == 40
    assert s3.get_object(Bucket="terraform-settings", Key="dir/row.csv")["Body"].read() == b"days 40"
    assert len(s3.list_object_versions(Bucket="terraform-settings", Prefix="dir/row")["Versions"]) == 2
    terraform.destroy("-var=days=40")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket="terraform-settings")
