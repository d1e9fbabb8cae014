data "aws_ecr_image" "app" {
  repository_name = aws_ecr_repository.app.name
  image_tag       = "v1"
}

output "digest" { value = data.aws_ecr_image.app.image_digest }
