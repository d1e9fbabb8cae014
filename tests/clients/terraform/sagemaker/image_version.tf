resource "aws_sagemaker_image_version" "lab" {
  image_name    = aws_sagemaker_image.lab.image_name
  base_image    = "123456789012.dkr.ecr.us-east-1.amazonaws.com/lab:1"
  release_notes = "revision ${var.revision}"
}
