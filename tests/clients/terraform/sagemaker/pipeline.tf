resource "aws_sagemaker_pipeline" "houses" {
  pipeline_name         = "terraform-houses"
  pipeline_display_name = "terraform-houses-${var.revision}"
  pipeline_description  = "revision ${var.revision}"
  role_arn              = aws_iam_role.sagemaker.arn

  pipeline_definition = jsonencode({
    Version    = "2020-12-01"
    Parameters = [{ Name = "Revision", Type = "Integer", DefaultValue = tonumber(var.revision) }]
    Steps      = [{ Name = "End", Type = "Fail", Arguments = { ErrorMessage = { Get = "Parameters.Revision" } } }]
  })

  parallelism_configuration {
    max_parallel_execution_steps = tonumber(var.revision)
  }
}
