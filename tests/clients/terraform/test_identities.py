"""IAM through Terraform: everything its SageMaker users declare, applied, unchanged, updated in place, destroyed."""

import json
from typing import Any

import boto3

IDENTITIES = """
variable "grown" { default = false }

data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "objects" {
  statement {
    actions   = var.grown ? ["s3:GetObject", "s3:PutObject"] : ["s3:GetObject"]
    resources = ["arn:aws:s3:::terraform-data/*"]
  }
}

data "aws_iam_policy" "sagemaker" {
  name = "AmazonSageMakerFullAccess"
}

resource "aws_iam_policy" "objects" {
  name        = "tf-objects"
  path        = "/team/"
  description = "objects of the team"
  policy      = data.aws_iam_policy_document.objects.json
  tags        = { team = "a" }
}

resource "aws_iam_role" "job" {
  name                 = "tf-job"
  path                 = "/team/"
  description          = var.grown ? "grown" : "small"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = data.aws_iam_policy.sagemaker.arn
  max_session_duration = 7200
  tags                 = { team = var.grown ? "b" : "a" }
}

resource "aws_iam_role_policy" "own" {
  name   = "own"
  role   = aws_iam_role.job.id
  policy = data.aws_iam_policy_document.objects.json
}

resource "aws_iam_role_policy_attachment" "job" {
  for_each   = { objects = aws_iam_policy.objects.arn, sagemaker = data.aws_iam_policy.sagemaker.arn }
  role       = aws_iam_role.job.name
  policy_arn = each.value
}

resource "aws_iam_instance_profile" "machine" {
  name = "tf-machine"
  role = aws_iam_role.job.name
}

resource "aws_iam_user" "ann" {
  name          = var.grown ? "tf-anna" : "tf-ann"
  path          = "/team/"
  force_destroy = true
  tags          = { team = "a" }
}

resource "aws_iam_access_key" "ann" {
  user = aws_iam_user.ann.name
}

resource "aws_iam_user_policy" "own" {
  name   = "own"
  user   = aws_iam_user.ann.name
  policy = data.aws_iam_policy_document.objects.json
}

resource "aws_iam_user_policy_attachment" "ann" {
  user       = aws_iam_user.ann.name
  policy_arn = aws_iam_policy.objects.arn
}

resource "aws_iam_group" "team" {
  name = "tf-team"
  path = "/team/"
}

resource "aws_iam_group_membership" "team" {
  name  = "tf-team"
  group = aws_iam_group.team.name
  users = [aws_iam_user.ann.name]
}

resource "aws_iam_group_policy" "own" {
  name   = "own"
  group  = aws_iam_group.team.name
  policy = data.aws_iam_policy_document.objects.json
}

resource "aws_iam_group_policy_attachment" "team" {
  group      = aws_iam_group.team.name
  policy_arn = aws_iam_policy.objects.arn
}

resource "aws_iam_service_linked_role" "scaling" {
  aws_service_name = "sagemaker.application-autoscaling.amazonaws.com"
  description      = var.grown ? "grown" : "small"
}

resource "aws_iam_account_alias" "here" {
  account_alias = "tf-here"
}

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length = 12
  require_symbols         = true
}

resource "aws_iam_openid_connect_provider" "id" {
  url             = "https://id.example.com/realms/a"
  client_id_list  = var.grown ? ["one", "other"] : ["one"]
  thumbprint_list = ["cf23df2207d99a74fbe169e3eba035e633b65d94"]
}

resource "aws_iam_saml_provider" "corp" {
  name                   = "tf-corp"
  saml_metadata_document = var.metadata
}

variable "metadata" {}

output "key" { value = aws_iam_access_key.ann.id }
output "secret" {
  value     = aws_iam_access_key.ann.secret
  sensitive = true
}
"""
# The provider asks for a thousand characters at least.
METADATA = (
    f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="me"><!--{"." * 1000}-->'
    "</EntityDescriptor>"
)


def test_identities_are_applied_kept_updated_and_destroyed(terraform: Any) -> None:
    (terraform.folder / "main.tf").write_text(IDENTITIES)
    options = [f"-var=metadata={METADATA}"]
    terraform.init()
    terraform.apply(*options)
    assert caller(terraform) == "arn:aws:iam::123456789012:user/team/tf-ann"

    terraform.apply(*options, "-var=grown=true")
    assert caller(terraform) == "arn:aws:iam::123456789012:user/team/tf-anna"
    iam = boto3.client("iam")
    role = iam.get_role(RoleName="tf-job")["Role"]
    assert (role["Description"], role["Tags"]) == ("grown", [{"Key": "team", "Value": "b"}])
    assert len(iam.list_policy_versions(PolicyArn="arn:aws:iam::123456789012:policy/team/tf-objects")["Versions"]) == 2

    terraform.destroy(*options, "-var=grown=true")
    assert [user["UserName"] for user in iam.list_users(PathPrefix="/team/")["Users"]] == []


def caller(terraform: Any) -> str:
    """Whom the key that Terraform made signs for."""
    made = {name: output["value"] for name, output in json.loads(terraform("output", "-json")).items()}
    session = boto3.Session(made["key"], made["secret"])
    return str(session.client("sts").get_caller_identity()["Arn"])
