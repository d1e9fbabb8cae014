"""Requests that ask for more than the neighbours do."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.neighbours.refusals import check

TOPIC = "arn:aws:sns:us-east-1:123456789012:t"


@pytest.mark.parametrize(
    ("service", "operation", "params", "word"),
    [
        ("sns", "Subscribe", {"Protocol": "email", "TopicArn": TOPIC}, "email"),
        ("sns", "Publish", {"PhoneNumber": "+1", "Message": "m"}, "text messages"),
        ("kms", "CreateKey", {"Origin": "EXTERNAL"}, "EXTERNAL"),
        ("kms", "CreateKey", {"MultiRegion": True}, "one region"),
        ("stepfunctions", "CreateStateMachine", {"publish": True}, "publish"),
        ("cognito-idp", "AdminCreateUser", {"UserPoolId": "p", "Username": "u"}, "SUPPRESS"),
        ("ec2", "RunInstances", {}, "no virtual machines"),
        ("sns", "DeleteTopic", {"TopicArn": "t"}, "no ARN of SNS"),
    ],
)
def test_what_is_not_done_is_said(service: str, operation: str, params: dict[str, Any], word: str) -> None:
    with pytest.raises(AwsError, match=word):
        check(service, operation, params)


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("sns", "Subscribe", {"Protocol": "sqs", "TopicArn": TOPIC}),
        ("sns", "Publish", {"TopicArn": TOPIC, "Message": "m"}),
        ("kms", "CreateKey", {}),
        ("kms", "ListKeys", {}),
        ("stepfunctions", "CreateStateMachine", {"publish": False}),
        ("cognito-idp", "AdminCreateUser", {"MessageAction": "SUPPRESS"}),
    ],
)
def test_the_rest_is_done(service: str, operation: str, params: dict[str, Any]) -> None:
    check(service, operation, params)
