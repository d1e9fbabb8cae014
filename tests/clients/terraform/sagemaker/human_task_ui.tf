resource "aws_sagemaker_human_task_ui" "page" {
  human_task_ui_name = "terraform-page"
  tags               = { revision = var.revision }

  ui_template {
    content = "<crowd-form>{{ task.input.text }}</crowd-form>"
  }
}
