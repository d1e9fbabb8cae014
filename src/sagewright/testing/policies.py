"""Short ways to say what tests of identities say all the time."""

from __future__ import annotations

import json
from typing import Any

from sagewright.base.errors import AwsError


def allowing(*actions: str, effect: str = "Allow", resource: str = "*") -> str:
    """A policy of one statement."""
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trusting(**principal: str) -> str:
    """A trust policy: `trusting(Service="sagemaker.amazonaws.com")`, `trusting(AWS=arn)`."""
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refusal(question: Any, **members: Any) -> tuple[str, int, str]:
    """The code, HTTP status and sentence that an operation refuses with."""
    try:
        answer = question(**members)
    except AwsError as error:
        return error.code, error.status, error.message
    raise AssertionError(f"not refused, but answered {answer}")
