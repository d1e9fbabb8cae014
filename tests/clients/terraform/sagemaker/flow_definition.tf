resource "aws_sagemaker_flow_definition" "review" {
  flow_definition_name = "terraform-review"
  role_arn             = aws_iam_role.sagemaker.arn
  tags                 = { revision = var.revision }

  human_loop_config {
    human_task_ui_arn                     = aws_sagemaker_human_task_ui.page.arn
    task_availability_lifetime_in_seconds = 3600
    task_count                            = 1
    task_description                      = "Is the prediction right?"
    task_title                            = "Review"
    workteam_arn                          = aws_sagemaker_workteam.reviewers.arn
  }

  output_config {
    s3_output_path = "s3://${aws_s3_bucket.sagemaker.bucket}/reviews/"
  }
}
