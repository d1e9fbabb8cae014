resource "aws_sns_topic" "watching" { name = "watching" }

resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name          = "watching-latency"
  alarm_description   = "Revision ${var.revision}"
  namespace           = "AWS/SageMaker"
  metric_name         = "ModelLatency"
  extended_statistic  = "p90"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = 1000 * var.revision
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.watching.arn]
  ok_actions          = [aws_sns_topic.watching.arn]
  dimensions          = { EndpointName = var.endpoint, VariantName = "AllTraffic" }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "watching-errors"
  evaluation_periods  = 1
  threshold           = 5 * var.revision
  comparison_operator = "GreaterThanOrEqualToThreshold"

  metric_query {
    id          = "rate"
    expression  = "100 * errors / FILL(calls, 1)"
    label       = "Error rate"
    return_data = true
  }
  metric_query {
    id = "errors"
    metric {
      namespace   = "AWS/SageMaker"
      metric_name = "Invocation5XXErrors"
      period      = 300
      stat        = "Sum"
    }
  }
  metric_query {
    id = "calls"
    metric {
      namespace   = "AWS/SageMaker"
      metric_name = "Invocations"
      period      = 300
      stat        = "Sum"
      dimensions  = { EndpointName = var.endpoint }
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "both" {
  alarm_name        = "watching-both"
  alarm_description = "Revision ${var.revision}"
  alarm_rule        = "ALARM(${aws_cloudwatch_metric_alarm.latency.alarm_name}) AND ALARM(${aws_cloudwatch_metric_alarm.errors.alarm_name})"
  alarm_actions     = [aws_sns_topic.watching.arn]
}

resource "aws_cloudwatch_dashboard" "endpoint" {
  dashboard_name = "watching"
  dashboard_body = jsonencode({
    widgets = [{
      type   = "metric"
      width  = 12 * var.revision
      height = 6
      properties = {
        metrics = [["AWS/SageMaker", "Invocations", "EndpointName", var.endpoint]]
        region  = "us-east-1"
        title   = "Invocations"
      }
    }]
  })
}

resource "aws_cloudwatch_log_group" "watching" {
  name              = "/aws/events/watching"
  retention_in_days = var.revision == 1 ? 7 : 14
}

resource "aws_cloudwatch_log_stream" "watching" {
  name           = "mine"
  log_group_name = aws_cloudwatch_log_group.watching.name
}
