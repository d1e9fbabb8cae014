resource "aws_sagemaker_mlflow_tracking_server" "runs" {
  tracking_server_name = "terraform-runs"
  role_arn             = aws_iam_role.sagemaker.arn
  artifact_store_uri   = "s3://${aws_s3_bucket.sagemaker.bucket}/runs"
}
