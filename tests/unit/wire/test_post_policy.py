"""Policies of browser forms."""

import base64
import json
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.wire import post_policy

LATE = "2030-01-01T00:00:00.000Z"
NOW = 1_800_000_000.0


def spelled(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def policy(*conditions: Any, expiration: Any = LATE) -> post_policy.Policy:
    return post_policy.read(spelled({"expiration": expiration, "conditions": list(conditions)}))


def refusal(found: post_policy.Policy, fields: dict[str, str]) -> str:
    with pytest.raises(AwsError) as caught:
        found.check(fields, NOW)
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)
    return caught.value.message


def test_conditions_that_hold() -> None:
    found = policy(
        {"bucket": "b"},
        ["starts-with", "$Key", "user/"],
        ["eq", "$x-amz-meta-a", "1"],
        ["starts-with", "$Content-Type", "image/"],
        ["starts-with", "$acl", ""],
        ["content-length-range", 1, "100"],
        ["content-length-range", 5, 1000],
    )
    fields = {"bucket": "b", "key": "user/x", "x-amz-meta-a": "1", "content-type": "image/a,image/b", "acl": "any"}
    found.check({**fields, "policy": "p", "x-amz-signature": "s", "x-ignore-me": "x"}, NOW)
    assert found.sizes == (5, 100)


def test_conditions_that_do_not_hold() -> None:
    found = policy({"bucket": "b"}, ["starts-with", "$key", "user/"], {"acl": "private"})
    good = {"bucket": "b", "key": "user/x", "acl": "private"}
    assert refusal(found, {**good, "key": "other/x"}) == (
        'Invalid according to Policy: Policy Condition failed: ["starts-with", "$key", "user/"]'
    )
    assert "Policy Condition failed" in refusal(found, {**good, "acl": "Private"})
    assert "Policy Condition failed" in refusal(found, {"bucket": "b", "key": "user/x"})
    assert (
        refusal(found, {**good, "x-amz-meta-a": "1"}) == "Invalid according to Policy: Extra input fields: x-amz-meta-a"
    )
    assert "Extra input fields: bucket" in refusal(policy(["eq", "$key", "a"]), {"bucket": "b", "key": "a"})


def test_a_policy_ends() -> None:
    assert refusal(policy({"bucket": "b"}, expiration="2020-01-01T00:00:00Z"), {}) == (
        "Invalid according to Policy: Policy expired."
    )


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"expiration": LATE},
        {"conditions": []},
        {"expiration": 5, "conditions": []},
        {"expiration": "soon", "conditions": []},
        {"expiration": LATE, "conditions": {}},
        {"expiration": LATE, "conditions": [[]]},
        {"expiration": LATE, "conditions": [{}]},
        {"expiration": LATE, "conditions": [{"acl": 5}]},
        {"expiration": LATE, "conditions": [["eq", "acl", "x"]]},
        {"expiration": LATE, "conditions": [["ends-with", "$acl", "x"]]},
        {"expiration": LATE, "conditions": [["content-length-range", -1, 5]]},
        {"expiration": LATE, "conditions": [["content-length-range", True, 5]]},
        {"expiration": LATE, "conditions": [["content-length-range", "many", 5]]},
    ],
)
def test_what_is_no_policy(document: Any) -> None:
    with pytest.raises(AwsError) as caught:
        post_policy.read(spelled(document))
    assert (caught.value.code, caught.value.status) == ("InvalidPolicyDocument", 400)


@pytest.mark.parametrize("text", ["", "%%%", "bm90IGpzb24=", base64.b64encode(b"[" * 100_000).decode()])
def test_what_is_no_document(text: str) -> None:
    with pytest.raises(AwsError, match="conditions specified in the policy document"):
        post_policy.read(text)


def test_who_signed() -> None:
    credential = {"x-amz-credential": "AKIA/20260101/eu-west-1/s3/aws4_request", "x-amz-date": "20260101T000000Z"}
    whole = {**credential, "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-signature": "s", "policy": "p"}
    found = post_policy.signed({**whole, "x-amz-security-token": "t"})
    assert found == post_policy.Signed("AKIA", "p", "s", "20260101", "eu-west-1", "t")
    assert post_policy.signed({"awsaccesskeyid": "A", "policy": "p", "signature": "s"}) == post_policy.Signed(
        "A", "p", "s", "", "", None
    )
    assert post_policy.signed({"key": "a"}) is None
    for name in whole:
        with pytest.raises(AwsError, match=f"must contain a field named '({name}|AWSAccessKeyId)'"):
            post_policy.signed({key: value for key, value in whole.items() if key != name})
    with pytest.raises(AwsError, match="day of x-amz-date"):
        post_policy.signed({**whole, "x-amz-date": "20260102T000000Z"})
