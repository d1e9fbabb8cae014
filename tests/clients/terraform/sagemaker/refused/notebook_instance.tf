resource "aws_sagemaker_notebook_instance" "lab" {
  name          = "terraform-lab"
  role_arn      = aws_iam_role.sagemaker.arn
  instance_type = "ml.t3.medium"
}
