resource "aws_sagemaker_device_fleet" "cars" {
  device_fleet_name = "terraform-cars"
  role_arn          = aws_iam_role.sagemaker.arn
  description       = "revision ${var.revision}"

  output_config {
    s3_output_location = "s3://${aws_s3_bucket.sagemaker.bucket}/fleet/"
  }
}
