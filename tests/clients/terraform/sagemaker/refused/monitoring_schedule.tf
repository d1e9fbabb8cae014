resource "aws_sagemaker_monitoring_schedule" "daily" {
  name = "terraform-daily"

  monitoring_schedule_config {
    monitoring_job_definition_name = "terraform-drift"
    monitoring_type                = "DataQuality"

    schedule_config {
      schedule_expression = "cron(0 0 ? * * *)"
    }
  }
}
