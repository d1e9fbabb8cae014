"""Which documents are policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.iam import managed
from sagewright.operations.iam.documents import check_identity_policy, check_trust_policy, encoded

ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def document(*statements: Any, **members: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **members})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "{}",
        document(),
        document("no statement"),
        document(ALLOW, Version="2013"),
        document(ALLOW, Else="x"),
        document({**ALLOW, "Effect": "allow"}),
        document({**ALLOW, "NotAction": "s3:*"}),
        document({"Effect": "Allow", "Resource": "*"}),
        document({"Effect": "Allow", "Action": "s3:*"}),
        document({**ALLOW, "Action": "GetObject"}),
        document({**ALLOW, "Action": 7}),
        document({**ALLOW, "Resource": "bucket"}),
        document({**ALLOW, "Principal": "*"}),
        document({**ALLOW, "Condition": {"StringEqual": {"a": "b"}}}),
        document({**ALLOW, "Condition": ["x"]}),
        document({**ALLOW, "Condition": {"StringEquals": {"a": {"b": "c"}}}}),
        document({**ALLOW, "Condition": {"StringEquals": {"a": [["b"]]}}}),
        document({**ALLOW, "Condition": {"StringEquals": {"a": []}}}),
        document({**ALLOW, "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/33"}}}),
        document({**ALLOW, "Condition": {"NumericLessThan": {"a": "many"}}}),
        document({**ALLOW, "Condition": {"Null": {"a": "maybe"}}}),
        document({**ALLOW, "Action": []}),
        document({"Effect": "Allow", "NotAction": [], "Resource": "*"}),
        document({"Effect": "Deny", "Action": "*", "NotResource": []}),
        document({**ALLOW, "Sid": ["x"]}),
        document(ALLOW).replace('"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"'),
        "[" * 1_000 + "]" * 1_000,
        document({**ALLOW, "Condition": {"StringEquals": {"a": "DEEP"}}}).replace('"DEEP"', "[" * 990 + "]" * 990),
        document(ALLOW, Id="DEEP").replace('"DEEP"', "[" * 5_000 + "]" * 5_000),
    ],
)
def test_what_is_no_identity_policy(text: str) -> None:
    with pytest.raises(AwsError) as caught:
        check_identity_policy(text)
    assert (caught.value.code, caught.value.status) == ("MalformedPolicyDocument", 400)


@pytest.mark.parametrize(
    "statement",
    [
        ALLOW,
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"},
        {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"},
        {"Effect": "Allow", "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": "me", "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"User": "me"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": "me"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": ["123456789012", 7]}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"Service": "sagemaker"}, "Action": "sts:AssumeRole"},
    ],
)
def test_what_is_no_trust_policy(statement: Any) -> None:
    with pytest.raises(AwsError, match="MalformedPolicyDocument"):
        check_trust_policy(document(statement))


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": ["123456789012", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/team/r"]},
        {"Service": ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]},
        {"Federated": "arn:aws:iam::123456789012:oidc-provider/id.example.com"},
    ],
)
def test_whom_a_trust_policy_may_name(principal: Any) -> None:
    check_trust_policy(document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}))


def test_one_statement_need_not_be_a_list() -> None:
    check_identity_policy(json.dumps({"Statement": {**ALLOW, "Sid": "x", "Action": ["s3:Get*", "*"]}}))


def test_documents_are_encoded_as_rfc_3986_says() -> None:
    assert encoded('{"a": "b/*~-._ü"}') == "%7B%22a%22%3A%20%22b%2F%2A~-._%C3%BC%22%7D"


@pytest.mark.parametrize("policy", managed.aws_managed().values(), ids=lambda policy: policy.name)
def test_the_shipped_policies_are_policies(policy: managed.ManagedPolicy) -> None:
    check_identity_policy(policy.document)
