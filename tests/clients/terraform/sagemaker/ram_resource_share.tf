# A feature group, shared with a role of this account and with another account, which is invited.

resource "aws_ram_resource_share" "houses" {
  name                      = "terraform-houses-${var.revision}"
  allow_external_principals = true
  permission_arns           = ["arn:aws:ram::aws:permission/AWSRAMPermissionSagemakerFeatureGroupReadWrite"]
  tags                      = { revision = var.revision }
}

resource "aws_ram_resource_association" "houses" {
  resource_share_arn = aws_ram_resource_share.houses.arn
  resource_arn       = aws_sagemaker_feature_group.houses.arn
}

resource "aws_ram_principal_association" "role" {
  resource_share_arn = aws_ram_resource_share.houses.arn
  principal          = aws_iam_role.sagemaker.arn
}

resource "aws_ram_principal_association" "account" {
  resource_share_arn = aws_ram_resource_share.houses.arn
  principal          = "444455556666"
}
