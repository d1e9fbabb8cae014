"""Users of a test's own, and clients that ask as they do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3


def allowing(*actions: str, resource: str = "*") -> str:
    """A policy of one statement."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trusting(**principal: Any) -> str:
    """A trust policy: `trusting(Service="sagemaker.amazonaws.com")`."""
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def session(keys: dict[str, str]) -> boto3.Session:
    """Who signs with what CreateAccessKey or STS answered."""
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys.get("SessionToken"))


def user(iam: Any, name: str, *actions: str) -> boto3.Session:
    """A new user that may do these actions, by a key of its own."""
    iam.create_user(UserName=name)
    if actions:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=allowing(*actions))
    return session(iam.create_access_key(UserName=name)["AccessKey"])


Unique = Callable[[str], str]
