resource "aws_sagemaker_hub" "models" {
  hub_name        = "terraform-models"
  hub_description = "revision ${var.revision}"

  s3_storage_config {
    s3_output_path = "s3://${aws_s3_bucket.sagemaker.bucket}/hub"
  }
}
