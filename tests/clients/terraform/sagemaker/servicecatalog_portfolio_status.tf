resource "aws_sagemaker_servicecatalog_portfolio_status" "here" {
  status = var.revision == "1" ? "Enabled" : "Disabled"
}
