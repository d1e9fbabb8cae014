resource "aws_sagemaker_mlflow_tracking_server" "runs" {
  tracking_server_name            = "terraform-runs"
  role_arn                        = aws_iam_role.sagemaker.arn
  artifact_store_uri              = "s3://${aws_s3_bucket.sagemaker.bucket}/runs"
  weekly_maintenance_window_start = "Tue:0${var.revision}:30"

  depends_on = [aws_iam_role_policy_attachment.sagemaker] # MLflow looks at its store when it starts
}
