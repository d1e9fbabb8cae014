"""Sessions: how long they last, who may have which."""

from email.utils import parsedate_to_datetime
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError


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
