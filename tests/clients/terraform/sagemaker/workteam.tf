resource "aws_sagemaker_workteam" "reviewers" {
  workteam_name  = "terraform-reviewers"
  workforce_name = aws_sagemaker_workforce.people.workforce_name
  description    = "revision ${var.revision}"

  member_definition {
    oidc_member_definition {
      groups = ["reviewers"]
    }
  }
}
