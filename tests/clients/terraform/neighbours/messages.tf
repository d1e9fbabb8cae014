resource "aws_sqs_queue" "dead" { name = "housing-dead" }

resource "aws_sqs_queue" "done" {
  name                       = "housing-done"
  visibility_timeout_seconds = var.note == "first" ? 30 : 60
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 3 })
}

resource "aws_sns_topic" "done" {
  name         = "housing-done"
  display_name = var.note
}

resource "aws_sns_topic_subscription" "done" {
  topic_arn            = aws_sns_topic.done.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.done.arn
  raw_message_delivery = true
}

resource "aws_sfn_state_machine" "retrain" {
  name     = "housing-retrain"
  role_arn = "arn:aws:iam::123456789012:role/SagewrightExecutionRole"
  definition = jsonencode({
    Comment = var.note
    StartAt = "Wait"
    States = {
      Wait = { Type = "Wait", Seconds = 1, Next = "Done" }
      Done = { Type = "Succeed" }
    }
  })
}
