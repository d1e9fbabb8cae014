"""Policy evaluation, statement by statement."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright.operations.access.evaluate import Policies, Policy
from sagewright.operations.access.patterns import Context

BUCKET = "arn:aws:s3:::data/a"


def decide(
    *statements: dict[str, Any],
    action: str = "s3:GetObject",
    resource: str = BUCKET,
    context: Context | None = None,
) -> str:
    whole = [
        {member: value for member, value in {"Effect": "Allow", "Resource": "*", **statement}.items() if value}
        for statement in statements
    ]
    return policies(*whole).verdict(action, resource, context or {}).decision


def policies(*statements: dict[str, Any], version: str = "2012-10-17") -> Policies:
    return Policies([Policy.read("p", "role", json.dumps({"Version": version, "Statement": statements}))])


@pytest.mark.parametrize(
    ("statement", "decision"),
    [
        ({"Action": "s3:GetObject"}, "allowed"),
        ({"Action": "S3:getobject"}, "allowed"),
        ({"Action": ["s3:Put*", "s3:Get*"]}, "allowed"),
        ({"Action": "s3:Get?bject"}, "allowed"),
        ({"Action": "*"}, "allowed"),
        ({"Action": "s3:Put*"}, "implicitDeny"),
        ({"Action": "s3:Get"}, "implicitDeny"),
        ({"NotAction": "iam:*"}, "allowed"),
        ({"NotAction": "s3:*"}, "implicitDeny"),
        ({"Action": "s3:*", "Resource": "arn:aws:s3:::data/*"}, "allowed"),
        ({"Action": "s3:*", "Resource": "arn:aws:s3:::DATA/*"}, "implicitDeny"),
        ({"Action": "s3:*", "Resource": "arn:aws:s3:::data"}, "implicitDeny"),
        ({"Action": "s3:*", "Resource": None, "NotResource": ["arn:aws:s3:::other/*"]}, "allowed"),
        ({"Action": "s3:*", "Resource": None, "NotResource": ["arn:aws:s3:::data/*"]}, "implicitDeny"),
        ({"Action": "s3:*", "Effect": "Deny"}, "explicitDeny"),
    ],
)
def test_actions_and_resources(statement: dict[str, Any], decision: str) -> None:
    assert decide(statement) == decision


def test_nothing_said_is_denied_and_a_deny_wins() -> None:
    assert decide() == "implicitDeny"
    assert decide({"Action": "*"}, {"Action": "s3:Get*", "Effect": "Deny"}) == "explicitDeny"
    assert decide({"Action": "*"}, {"Action": "s3:Put*", "Effect": "Deny"}) == "allowed"


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"aws:x": "a"}}, {"aws:x": ["a"]}, True),
        ({"StringEquals": {"AWS:X": ["b", "a"]}}, {"aws:x": ["a"]}, True),
        ({"StringEquals": {"aws:x": "a"}}, {"aws:x": ["A"]}, False),
        ({"StringEquals": {"aws:x": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"aws:x": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"aws:x": "a"}}, {"aws:x": ["b"]}, False),
        ({"StringNotEquals": {"aws:x": ["a", "b"]}}, {"aws:x": ["a"]}, False),
        ({"StringNotEquals": {"aws:x": "a"}}, {}, True),
        ({"StringEqualsIgnoreCase": {"aws:x": "a"}}, {"aws:x": ["A"]}, True),
        ({"StringLike": {"aws:x": "a*c"}}, {"aws:x": ["abc"]}, True),
        ({"StringNotLike": {"aws:x": "a*c"}}, {"aws:x": ["abc"]}, False),
        ({"ArnLike": {"aws:x": "arn:aws:iam::*:role/*"}}, {"aws:x": ["arn:aws:iam::1:role/r"]}, True),
        ({"ArnLike": {"aws:x": "arn:*:role/r"}}, {"aws:x": ["arn:aws:iam::1:role/r"]}, False),
        ({"Bool": {"aws:x": True}}, {"aws:x": ["true"]}, True),
        ({"Bool": {"aws:x": "false"}}, {"aws:x": ["true"]}, False),
        ({"Null": {"aws:x": "true"}}, {}, True),
        ({"Null": {"aws:x": "true"}}, {"aws:x": ["a"]}, False),
        ({"Null": {"aws:x": "false"}}, {"aws:x": ["a"]}, True),
        ({"NumericLessThan": {"aws:x": 10}}, {"aws:x": ["9"]}, True),
        ({"NumericLessThan": {"aws:x": "10"}}, {"aws:x": ["ten"]}, False),
        ({"NumericNotEquals": {"aws:x": "10"}}, {"aws:x": ["10.0"]}, False),
        ({"DateGreaterThan": {"aws:x": "2026-01-01T00:00:00Z"}}, {"aws:x": ["1790000000"]}, True),
        ({"IpAddress": {"aws:x": "10.0.0.0/8"}}, {"aws:x": ["10.1.2.3"]}, True),
        ({"NotIpAddress": {"aws:x": "10.0.0.0/8"}}, {"aws:x": ["10.1.2.3"]}, False),
        ({"ForAllValues:StringEquals": {"aws:x": ["a", "b"]}}, {"aws:x": ["a", "b"]}, True),
        ({"ForAllValues:StringEquals": {"aws:x": ["a"]}}, {"aws:x": ["a", "b"]}, False),
        ({"ForAllValues:StringEquals": {"aws:x": ["a"]}}, {}, True),
        ({"ForAnyValue:StringEquals": {"aws:x": ["a"]}}, {"aws:x": ["a", "b"]}, True),
        ({"ForAnyValue:StringEquals": {"aws:x": ["a"]}}, {}, False),
        ({"StringEquals": {"aws:x": "${aws:y}"}}, {"aws:x": ["a"], "aws:y": ["a"]}, True),
        ({"StringEquals": {"aws:x": "${aws:y}"}}, {"aws:x": ["a"]}, False),
        ({"StringEquals": {"aws:x": "${aws:y, 'a'}"}}, {"aws:x": ["a"]}, True),
        ({"StringEquals": {"aws:x": "a", "aws:y": "b"}}, {"aws:x": ["a"]}, False),
    ],
)
def test_conditions(condition: dict[str, Any], context: dict[str, list[str]], holds: bool) -> None:
    decision = decide({"Action": "s3:*", "Condition": condition}, context=context)
    assert decision == ("allowed" if holds else "implicitDeny")


def test_variables_in_resources() -> None:
    statement = {"Action": "s3:*", "Resource": "arn:aws:s3:::data/${aws:username}"}
    assert decide(statement, context={"aws:username": ["a"]}) == "allowed"
    assert decide(statement, context={"aws:username": ["b"]}) == decide(statement) == "implicitDeny"


def test_missing_keys_are_named() -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MFA": "true"}}}
    asked = policies(statement)
    assert asked.verdict("s3:GetObject", "*", {}).decision == "implicitDeny"
    assert list(asked.missing("s3:GetObject", "*", {})) == ["aws:MFA"]
