"""Cross-origin rules: stored, and applied: preflights are answered by them, other answers get their headers.

Rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.base import Objects
from sagewright.dataplane.objects.values import NoSuchBucket
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.forms import add_delete, add_get, store
from sagewright.operations.s3.refusals import answering, in_s3_words, invalid_request, malformed_xml
from sagewright.operations.table import Operations

operations = Operations()

_METHODS: Final = frozenset({"GET", "PUT", "HEAD", "POST", "DELETE"})
_MOST_RULES: Final = 100
_VARY: Final = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@operations
@answering
def put_bucket_cors(call: Call, request: Params) -> Params:
    configuration = request["CORSConfiguration"]
    rules = configuration["CORSRules"]
    if not 1 <= len(rules) <= _MOST_RULES:
        raise malformed_xml()
    for rule in rules:
        _check(rule)
    return store(call, request, "Cors", configuration)


def _check(rule: Params) -> None:
    if not rule["AllowedMethods"] or not rule["AllowedOrigins"]:
        raise malformed_xml()
    for method in rule["AllowedMethods"]:
        if method not in _METHODS:
            raise invalid_request(f"Found unsupported HTTP method in CORS config. Unsupported method is {method}")
    for name in ("AllowedOrigins", "AllowedHeaders"):
        for value in rule.get(name, []):
            if value.count("*") > 1:
                raise invalid_request(f'{name[:-1]} "{value}" can not have more than one wildcard.')
    for header in rule.get("ExposeHeaders", []):
        if "*" in header:
            raise invalid_request(
                f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            )


add_get(
    operations,
    "get_bucket_cors",
    "Cors",
    absent=("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
)
add_delete(operations, "delete_bucket_cors", "Cors")


# Rules at work. Headers come lower-cased.


def preflight(objects: Objects, bucket: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that answer an OPTIONS request. Raises AccessForbidden unless a rule allows what it asks for."""
    origin, method = headers.get("origin"), headers.get("access-control-request-method")
    if not origin:
        raise AwsError("BadRequest", "Insufficient information. Origin request header needed.")
    if method not in _METHODS:
        raise AwsError("BadRequest", f"Invalid Access-Control-Request-Method: {method}")
    asked = [name.strip() for name in headers.get("access-control-request-headers", "").split(",") if name.strip()]
    with in_s3_words():
        rules: Sequence[Params] = objects.buckets.get(bucket).settings.get("Cors", {}).get("CORSRules", [])
    if not rules:
        raise _forbidden("CORSResponse: CORS is not enabled for this bucket.", method)
    for rule in rules:
        if _allows(rule, origin, method) and all(_among(rule.get("AllowedHeaders", []), name) for name in asked):
            return {
                **_told(rule, origin),
                "Access-Control-Allow-Headers": ", ".join(name.lower() for name in asked),
            }
    raise _forbidden(
        "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, request "
        "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
        "resource's CORS spec.",
        method,
    )


def _forbidden(message: str, method: str) -> AwsError:
    return AwsError("AccessForbidden", message, status=403, fields={"Method": method, "ResourceType": "OBJECT"})


def headers_for(objects: Objects, bucket: str, method: str, headers: Mapping[str, str]) -> dict[str, str]:
    """What every other answer to a browser carries; nothing where no rule fits."""
    origin = headers.get("origin")
    if not origin:
        return {}
    try:
        rules: Sequence[Params] = objects.buckets.get(bucket).settings.get("Cors", {}).get("CORSRules", [])
    except NoSuchBucket:
        return {}
    found = next((rule for rule in rules if _allows(rule, origin, method)), None)
    return {} if found is None else _told(found, origin)


def _allows(rule: Params, origin: str, method: str) -> bool:
    return method in rule["AllowedMethods"] and _among(rule["AllowedOrigins"], origin)


def _among(patterns: Sequence[str], value: str) -> bool:
    return any(_pattern(pattern).fullmatch(value) for pattern in patterns)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    """One `*` stands for anything; case does not count."""
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.IGNORECASE | re.DOTALL)


def _told(rule: Params, origin: str) -> dict[str, str]:
    everybody = "*" in rule["AllowedOrigins"]
    told = {
        "Access-Control-Allow-Origin": "*" if everybody else origin,
        "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethods"]),
        "Vary": _VARY,
    }
    if not everybody:
        told["Access-Control-Allow-Credentials"] = "true"
    if rule.get("ExposeHeaders"):
        told["Access-Control-Expose-Headers"] = ", ".join(rule["ExposeHeaders"])
    if "MaxAgeSeconds" in rule:
        told["Access-Control-Max-Age"] = str(rule["MaxAgeSeconds"])
    return told
