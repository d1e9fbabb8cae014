"""Policies of browser forms: what a form may say, until when, and who vouches for it.

Formats: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html, and for the older
signature, which boto3 still makes by default, https://docs.aws.amazon.com/AmazonS3/latest/userguide/HTTPPOSTForms.html
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.wire import sigv4
from sagewright.wire.protocols import times

_REGION: Final = re.compile(r"[a-z0-9-]{1,32}")
_UNCOVERED: Final = frozenset({"x-amz-signature", "awsaccesskeyid", "signature", "policy", "file"})
"""Fields that a policy need not mention."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a form claims: whose key signed its policy. Nothing is verified yet."""

    access_key_id: str
    policy: str
    """As it was signed: base64."""
    signature: str
    date: str
    region: str
    """Both empty for the older signature."""
    token: str | None

    def verify(self, secret_key: str) -> None:
        """Raises SignatureDoesNotMatch (403) unless the holder of the secret signed this policy."""
        text = self.policy.encode()
        if self.date:
            key = sigv4.signing_key(secret_key, self.date, self.region, "s3")
            expected = hmac.digest(key, text, "sha256").hex()
        else:
            expected = base64.b64encode(hmac.digest(secret_key.encode(), text, "sha1")).decode()
        if not hmac.compare_digest(expected.encode(), self.signature.encode()):
            raise AwsError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
                status=403,
                fields={"AWSAccessKeyId": self.access_key_id, "StringToSign": self.policy},
            )


def signed(fields: Mapping[str, str]) -> Signed | None:
    """Who signed a form, by its fields (lower-case names); None if nobody did. Raises InvalidArgument for half."""
    token = fields.get("x-amz-security-token")
    if "awsaccesskeyid" in fields:
        return Signed(fields["awsaccesskeyid"], _field(fields, "policy"), _field(fields, "signature"), "", "", token)
    named = [name for name in ("x-amz-credential", "x-amz-signature", "x-amz-algorithm") if name in fields]
    if not named:
        if "policy" in fields:
            raise _absent("AWSAccessKeyId")
        return None
    policy, signature = _field(fields, "policy"), _field(fields, "x-amz-signature")
    algorithm = _field(fields, "x-amz-algorithm")
    if algorithm != sigv4.ALGORITHM:
        raise _invalid("x-amz-algorithm", algorithm, f"Only {sigv4.ALGORITHM} is supported.")
    credential, stamp = _field(fields, "x-amz-credential"), _field(fields, "x-amz-date")
    parts = credential.split("/")
    scoped = len(parts) == 5 and parts[3:] == ["s3", "aws4_request"] and _REGION.fullmatch(parts[2])
    if not scoped or not stamp.startswith(parts[1] or "-"):
        raise _invalid(
            "x-amz-credential",
            credential,
            "The credential must be keyid/date/region/s3/aws4_request, with the day of x-amz-date.",
        )
    return Signed(parts[0], policy, signature, parts[1], parts[2], token)


def _field(fields: Mapping[str, str], name: str) -> str:
    if not fields.get(name):
        raise _absent(name)
    return fields[name]


def _absent(name: str) -> AwsError:
    return _invalid(
        name,
        "",
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields.",
    )


def absent_key() -> AwsError:
    """The form does not say where its file is to go."""
    return _absent("key")


def _invalid(name: str, value: str, message: str) -> AwsError:
    return AwsError("InvalidArgument", message, fields={"ArgumentName": name, "ArgumentValue": value})


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that was read."""

    expiration: float
    """Epoch seconds."""
    conditions: Sequence[tuple[str, str, str]]
    """(eq or starts-with, field, value)."""
    sizes: tuple[int, int] | None
    """Bytes that the file has at least and at most."""

    def check(self, fields: Mapping[str, str], now: float) -> None:
        """Raises AccessDenied unless the form is in time, and says what it must and nothing else.

        `fields` are the form's by lower-case name, with their variables filled in, and the bucket as one more.
        """
        if now > self.expiration:
            raise _refused("Policy expired.")
        for verb, name, value in self.conditions:
            if not _holds(verb, fields.get(name, ""), value, several=name == "content-type"):
                spelled = json.dumps([verb, f"${name}", value])
                raise _refused(f"Policy Condition failed: {spelled}")
        covered = {name for _, name, _ in self.conditions}
        for name in fields:
            if name not in covered and name not in _UNCOVERED and not name.startswith("x-ignore-"):
                raise _refused(f"Extra input fields: {name}")


def _holds(verb: str, given: str, value: str, *, several: bool) -> bool:
    if verb == "eq":
        return given == value
    return all(each.strip().startswith(value) for each in (given.split(",") if several else [given]))


def _refused(why: str) -> AwsError:
    return AwsError("AccessDenied", f"Invalid according to Policy: {why}", status=403)


def read(text: str) -> Policy:
    """A policy in base64. Raises InvalidPolicyDocument (400)."""
    try:
        document = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _malformed("it is not JSON in base64") from None
    if not isinstance(document, dict):
        raise _malformed("it is not an object")
    return Policy(_expiration(document), *_conditions(document.get("conditions")))


def _expiration(document: Mapping[str, Any]) -> float:
    text = document.get("expiration")
    try:
        if isinstance(text, str) and "T" in text:
            return times.parse(text)
    except ValueError:
        pass
    raise _malformed(f"'expiration' must be a time such as 2030-01-01T12:00:00Z, not {json.dumps(text)[:100]}")


def _conditions(given: Any) -> tuple[list[tuple[str, str, str]], tuple[int, int] | None]:
    if not isinstance(given, list):
        raise _malformed("'conditions' must be a list")
    found: list[tuple[str, str, str]] = []
    sizes: tuple[int, int] | None = None
    for each in given:
        match each:
            case dict() if each and all(isinstance(value, str) for value in each.values()):
                found += [("eq", str(name).lower(), value) for name, value in each.items()]
            case [str() as verb, int() | str() as least, int() | str() as most] if (
                verb.lower() == "content-length-range"
            ):
                narrow = _size(least), _size(most)
                sizes = narrow if sizes is None else (max(sizes[0], narrow[0]), min(sizes[1], narrow[1]))
            case [str() as verb, str() as name, str() as value] if verb.lower() in (
                "eq",
                "starts-with",
            ) and name.startswith("$"):
                found.append((verb.lower(), name[1:].lower(), value))
            case _:
                raise _malformed(f"the condition {json.dumps(each)[:200]} cannot be read")
    return found, sizes


def _size(value: int | str) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 20):
        raise _malformed("'content-length-range' takes two numbers of bytes")
    return int(text)


def _malformed(why: str) -> AwsError:
    return AwsError(
        "InvalidPolicyDocument",
        f"The content of the form does not meet the conditions specified in the policy document: {why}.",
    )
