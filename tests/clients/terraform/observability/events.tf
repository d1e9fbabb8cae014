resource "aws_cloudwatch_event_bus" "watching" { name = "watching" }

resource "aws_sqs_queue" "watching" { name = "watching" }

resource "aws_cloudwatch_event_rule" "failed" {
  name        = "watching-failed"
  description = "Revision ${var.revision}"
  event_pattern = jsonencode({
    source        = ["aws.sagemaker"]
    "detail-type" = ["SageMaker Training Job State Change"]
    detail        = { TrainingJobStatus = var.revision == 1 ? ["Failed"] : ["Failed", "Stopped"] }
  })
}

resource "aws_cloudwatch_event_rule" "nightly" {
  name                = "watching-nightly"
  schedule_expression = var.revision == 1 ? "rate(1 day)" : "cron(0 22 ? * MON-FRI *)"
  state               = var.revision == 1 ? "ENABLED" : "DISABLED"
}

resource "aws_cloudwatch_event_rule" "own" {
  name           = "watching-own"
  event_bus_name = aws_cloudwatch_event_bus.watching.name
  event_pattern  = jsonencode({ source = [{ prefix = "my." }] })
}

resource "aws_cloudwatch_event_target" "queue" {
  rule      = aws_cloudwatch_event_rule.failed.name
  target_id = "queue"
  arn       = aws_sqs_queue.watching.arn

  input_transformer {
    input_paths    = { job = "$.detail.TrainingJobName" }
    input_template = "\"<job> failed, revision ${var.revision}\""
  }
  retry_policy {
    maximum_retry_attempts       = 2 * var.revision
    maximum_event_age_in_seconds = 600
  }
  dead_letter_config { arn = aws_sqs_queue.watching.arn }
}

resource "aws_cloudwatch_event_target" "log" {
  rule           = aws_cloudwatch_event_rule.own.name
  event_bus_name = aws_cloudwatch_event_bus.watching.name
  target_id      = "log"
  arn            = aws_cloudwatch_log_group.watching.arn
}

resource "aws_cloudwatch_event_target" "topic" {
  rule  = aws_cloudwatch_event_rule.nightly.name
  arn   = aws_sns_topic.watching.arn
  input = jsonencode({ revision = var.revision })
}

resource "aws_cloudwatch_event_permission" "watching" {
  event_bus_name = aws_cloudwatch_event_bus.watching.name
  principal      = "111122223333"
  statement_id   = "others"
}
