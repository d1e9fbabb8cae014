"""Requests that ask for more than the neighbours do."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.neighbours.refusals import reason


@pytest.mark.parametrize(
    ("service", "operation", "params", "word"),
    [
        ("sns", "Subscribe", {"Protocol": "email", "TopicArn": "t"}, "email"),
        ("sns", "Publish", {"PhoneNumber": "+1", "Message": "m"}, "text messages"),
        ("kms", "CreateKey", {"Origin": "EXTERNAL"}, "EXTERNAL"),
        ("kms", "CreateKey", {"MultiRegion": True}, "one region"),
        ("stepfunctions", "CreateStateMachine", {"publish": True}, "publish"),
        ("cognito-idp", "AdminCreateUser", {"UserPoolId": "p", "Username": "u"}, "SUPPRESS"),
    ],
)
def test_what_is_not_done_is_said(service: str, operation: str, params: dict[str, Any], word: str) -> None:
    assert word in (reason(service, operation, params) or "")


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("sns", "Subscribe", {"Protocol": "sqs", "TopicArn": "t"}),
        ("sns", "Publish", {"TopicArn": "t", "Message": "m"}),
        ("kms", "CreateKey", {}),
        ("kms", "ListKeys", {}),
        ("stepfunctions", "CreateStateMachine", {"publish": False}),
        ("cognito-idp", "AdminCreateUser", {"MessageAction": "SUPPRESS"}),
    ],
)
def test_the_rest_is_done(service: str, operation: str, params: dict[str, Any]) -> None:
    assert reason(service, operation, params) is None
