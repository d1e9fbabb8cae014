"""Which documents are policies of a bucket, and which of them are public."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.s3.policies import check, is_public


def document(**more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::bucket/*",
        **more,
    }
    kept = {name: value for name, value in statement.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": kept})


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"Action": ["s3:*", "*"]},
        {"Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::*"]},
        {"Principal": {"AWS": ["123456789012", "arn:aws:iam::123456789012:role/a"], "Service": "logs.amazonaws.com"}},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}, "Effect": "Deny"},
        {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ],
)
def test_policies(more: dict[str, Any]) -> None:
    assert check(document(**more), "bucket")


@pytest.mark.parametrize(
    "more",
    [
        {"Principal": None},
        {"Principal": {"AWS": []} | {"Who": "x"}},
        {"Principal": {"AWS": "bob"}},
        {"Principal": "bob"},
        {"Action": None},
        {"Action": "iam:PassRole"},
        {"Action": 1},
        {"Resource": None},
        {"Resource": "arn:aws:s3:::bucket2/*"},
        {"Resource": [1]},
        {"Effect": "allow"},
        {"Condition": []},
        {"Condition": {"Bool": 1}},
        {"More": 1},
    ],
)
def test_what_is_none(more: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as caught:
        check(document(**more), "bucket")
    assert caught.value.code == "MalformedPolicy"


def test_a_policy_has_its_limits() -> None:
    with pytest.raises(AwsError) as caught:
        check(document(Sid="x" * 21_000), "bucket")
    assert caught.value.code == "PolicyTooLarge"


@pytest.mark.parametrize(
    ("more", "public"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": "123456789012"}}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}, False),
        ({"Condition": {"StringLike": {"aws:SourceVpce": "vpce-*"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8"]}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/1"]}}}, True),
        ({"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}}}, False),
        ({"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/a"}}}, True),
        ({"Condition": {"StringEquals": {"aws:Referer": "x"}}}, True),
    ],
)
def test_what_is_public(more: dict[str, Any], public: bool) -> None:
    assert is_public(check(document(**more), "bucket")) is public
