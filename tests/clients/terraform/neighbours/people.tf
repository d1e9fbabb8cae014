resource "aws_cognito_user_pool" "labelers" { name = "labelers" }

resource "aws_cognito_user_pool_client" "labelers" {
  name         = "labeling"
  user_pool_id = aws_cognito_user_pool.labelers.id
}

resource "aws_cognito_user_group" "labelers" {
  name         = "team"
  user_pool_id = aws_cognito_user_pool.labelers.id
  description  = var.note
}

data "aws_ssoadmin_instances" "all" {}

resource "aws_identitystore_user" "someone" {
  identity_store_id = tolist(data.aws_ssoadmin_instances.all.identity_store_ids)[0]
  display_name      = "Someone"
  user_name         = "someone"
  name {
    given_name  = "Some"
    family_name = "One"
  }
}

resource "aws_efs_file_system" "homes" {
  creation_token = "homes"
  tags           = { note = var.note }
}

resource "aws_efs_mount_target" "homes" {
  file_system_id = aws_efs_file_system.homes.id
  subnet_id      = aws_subnet.private[0].id
}
