resource "aws_sagemaker_image" "lab" {
  image_name   = "terraform-lab"
  display_name = "Lab ${var.revision}"
  description  = var.revision == "1" ? "the first" : null
  role_arn     = aws_iam_role.sagemaker.arn
}
