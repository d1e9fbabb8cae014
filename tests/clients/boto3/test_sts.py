"""Sessions: how long they last, who may have which."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from .identities import Unique, allowing, session, trusting, user

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def code(question: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as caught:
        question(**members)
    return str(caught.value.response["Error"]["Code"])


def test_a_session_lasts_as_long_as_asked(role: str) -> None:
    given = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="short", DurationSeconds=900)
    keys, user = given["Credentials"], given["AssumedRoleUser"]
    assert user["Arn"].endswith("/short")
    assert user["AssumedRoleId"].endswith(":short")
    answered = parsedate_to_datetime(given["ResponseMetadata"]["HTTPHeaders"]["date"])
    assert 890 <= (keys["Expiration"] - answered).total_seconds() <= 910


def test_what_sts_refuses(role: str) -> None:
    sts = boto3.client("sts")
    assert code(sts.assume_role, RoleArn=role + "-none", RoleSessionName="me") == "AccessDenied"
    assert code(sts.assume_role, RoleArn=role, RoleSessionName="me", DurationSeconds=43201) == "ValidationError"
    assert code(sts.assume_role, RoleArn=role, RoleSessionName="a b") == "ValidationError"
    # The environment holds a role's session, and that gets no session token.
    assert code(sts.get_session_token) == "AccessDenied"


def test_unsigned_questions_are_turned_away(role: str) -> None:
    sts = boto3.client("sts", config=Config(signature_version=UNSIGNED))
    assert "MissingAuthenticationToken" in code(sts.get_caller_identity)


# Roles of one's own.


@pytest.fixture
def iam() -> Any:
    return boto3.client("iam")


@pytest.fixture
def ann(iam: Any, unique: Unique) -> tuple[str, Any]:
    """A user that may nothing but what trust policies let it: its name, and its STS client."""
    name = unique("ann")
    return name, user(iam, name).client("sts")


def test_a_role_lets_in_whom_it_trusts(iam: Any, ann: tuple[str, Any], unique: Unique) -> None:
    name, sts = ann
    trusted, other = unique("role"), unique("role")
    arn = f"arn:aws:iam::123456789012:user/{name}"
    mine = iam.create_role(RoleName=trusted, AssumeRolePolicyDocument=trusting(AWS=arn))["Role"]["Arn"]
    theirs = trusting(Service="sagemaker.amazonaws.com")
    not_mine = iam.create_role(RoleName=other, AssumeRolePolicyDocument=theirs)["Role"]["Arn"]
    given = sts.assume_role(RoleArn=mine, RoleSessionName="me")["Credentials"]
    told = session(given).client("sts").get_caller_identity()["Arn"]
    assert told == f"arn:aws:sts::123456789012:assumed-role/{trusted}/me"
    assert code(sts.assume_role, RoleArn=not_mine, RoleSessionName="me") == "AccessDenied"
    iam.update_assume_role_policy(RoleName=trusted, PolicyDocument=theirs)
    assert code(sts.assume_role, RoleArn=mine, RoleSessionName="me") == "AccessDenied"


def test_an_external_id_is_asked_for(iam: Any, ann: tuple[str, Any], unique: Unique) -> None:
    name, sts = ann
    trust = json.loads(trusting(AWS=f"arn:aws:iam::123456789012:user/{name}"))
    trust["Statement"][0]["Condition"] = {"StringEquals": {"sts:ExternalId": "secret-word"}}
    made = iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    assert code(sts.assume_role, RoleArn=made, RoleSessionName="me") == "AccessDenied"
    assert code(sts.assume_role, RoleArn=made, RoleSessionName="me", ExternalId="guess") == "AccessDenied"
    assert sts.assume_role(RoleArn=made, RoleSessionName="me", ExternalId="secret-word")["Credentials"]


def test_a_session_is_narrowed_down(iam: Any, ann: tuple[str, Any], unique: Unique) -> None:
    name, sts = ann
    role_name = unique("role")
    trust = trusting(AWS=f"arn:aws:iam::123456789012:user/{name}")
    arn = iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.attach_role_policy(RoleName=role_name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    told = sts.assume_role(
        RoleArn=arn,
        RoleSessionName="me",
        Policy=allowing("s3:ListAllMyBuckets"),
        PolicyArns=[{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}],
        Tags=[{"Key": "team", "Value": "a"}],
        SourceIdentity=name,
    )
    assert (told["SourceIdentity"], told["PackedPolicySize"] > 0) == (name, True)
    narrow = session(told["Credentials"])
    narrow.client("s3").list_buckets()
    assert narrow.client("iam").get_role(RoleName=role_name)["Role"]["RoleLastUsed"]["Region"]
    assert code(narrow.client("iam").delete_role, RoleName=role_name) == "AccessDenied"
    assert code(narrow.client("s3").create_bucket, Bucket=unique("never")) == "AccessDenied"


def test_a_federated_user_may_what_both_allow(iam: Any, unique: Unique) -> None:
    name = unique("user")
    own = user(iam, name, "s3:*", "sts:GetFederationToken")
    given = own.client("sts").get_federation_token(Name="bob", Policy=allowing("s3:ListAllMyBuckets", "iam:*"))
    assert given["FederatedUser"]["Arn"] == "arn:aws:sts::123456789012:federated-user/bob"
    bob = session(given["Credentials"])
    bob.client("s3").list_buckets()
    assert code(bob.client("s3").create_bucket, Bucket=unique("never")) == "AccessDenied"
    assert code(bob.client("sagemaker").list_models) == "AccessDeniedException"
    # Nobody whom a user vouches for calls IAM, whatever is allowed to him.
    assert code(bob.client("iam").list_users) == "InvalidClientTokenId"


def test_sagemaker_takes_a_role_that_trusts_it(iam: Any, unique: Unique) -> None:
    trust = trusting(Service="ec2.amazonaws.com")
    arn = iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    create = boto3.client("sagemaker").create_model
    with pytest.raises(ClientError) as caught:
        create(ModelName=unique("model"), ExecutionRoleArn=arn, PrimaryContainer={"Image": IMAGE})
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert f"Could not assume role {arn}" in error["Message"]


def test_who_vouches_elsewhere_is_told_what_to_do(role: str) -> None:
    sts = boto3.client("sts", config=Config(signature_version=UNSIGNED))
    asked = {"RoleArn": role, "RoleSessionName": "me", "WebIdentityToken": "token"}
    with pytest.raises(ClientError, match="assume the role with access keys"):
        sts.assume_role_with_web_identity(**asked)
