resource "aws_kms_key" "data" {
  description             = "Encrypts volumes, ${var.note}"
  deletion_window_in_days = 7
  enable_key_rotation     = true
}

resource "aws_kms_alias" "data" {
  name          = "alias/housing"
  target_key_id = aws_kms_key.data.key_id
}

resource "aws_secretsmanager_secret" "git" {
  name                    = "housing/git"
  description             = "Credentials of the code repository, ${var.note}"
  kms_key_id              = aws_kms_key.data.arn
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "git" {
  secret_id     = aws_secretsmanager_secret.git.id
  secret_string = jsonencode({ username = "someone", password = "something" })
}

resource "aws_ssm_parameter" "model" {
  name  = "/housing/model"
  type  = "String"
  value = var.note
}

resource "aws_ssm_parameter" "token" {
  name  = "/housing/token"
  type  = "SecureString"
  value = "something"
}
