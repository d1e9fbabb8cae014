"""Who the environment's keys belong to, and who is turned away."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError


def test_the_environment_holds_a_session_of_the_execution_role(role: str) -> None:
    told = boto3.client("sts").get_caller_identity()
    assert told["Account"] == "123456789012"
    assert told["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/")
    assert role.startswith("arn:aws:iam::123456789012:role/")


def test_aws_spelled_out_still_leads_here() -> None:
    client = boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com")
    assert client.get_caller_identity()["Account"] == "123456789012"


def test_a_role_can_be_assumed_and_used(role: str) -> None:
    given = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="someone")["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    assert session.client("sts").get_caller_identity()["Arn"].endswith("/someone")


def test_a_role_can_be_made_and_taken_back() -> None:
    iam = boto3.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    document = {"Version": "2012-10-17", "Statement": [trust]}
    made = iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=json.dumps(document))["Role"]
    policy = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    iam.attach_role_policy(RoleName="trainer", PolicyArn=policy)
    assert iam.get_role(RoleName="trainer")["Role"]["Arn"] == made["Arn"]
    attached = iam.list_attached_role_policies(RoleName="trainer")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": policy}]
    iam.detach_role_policy(RoleName="trainer", PolicyArn=policy)
    iam.delete_role(RoleName="trainer")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="trainer")


@pytest.mark.parametrize(
    ("keys", "codes"),
    [
        (
            {"aws_access_key_id": "AKIAUNKNOWN000000000"},
            {"UnrecognizedClientException", "InvalidClientTokenId"},
        ),
        ({"aws_secret_access_key": "wrong"}, {"InvalidSignatureException", "SignatureDoesNotMatch"}),
        ({"aws_session_token": "wrong"}, {"UnrecognizedClientException", "InvalidClientTokenId"}),
    ],
)
def test_wrong_keys_are_refused(keys: dict[str, str], codes: set[str]) -> None:
    own: Any = boto3.Session().get_credentials().get_frozen_credentials()
    right = {
        "aws_access_key_id": own.access_key,
        "aws_secret_access_key": own.secret_key,
        "aws_session_token": own.token,
    }
    with pytest.raises(ClientError) as caught:
        boto3.client("sagemaker", **{**right, **keys}).list_models()
    assert caught.value.response["Error"]["Code"] in codes
