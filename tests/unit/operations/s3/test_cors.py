"""Cross-origin rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.base import Objects
from sagewright.operations.s3.cors import headers_for, preflight

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def rules(ask: Ask) -> Callable[..., None]:
    def put(*rules: dict[str, Any]) -> None:
        whole = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], **rule} for rule in rules]
        ask("put_bucket_cors", Bucket="bucket", CORSConfiguration={"CORSRules": whole})

    return put


def asked(origin: str = "http://a", method: str = "GET", headers: str = "") -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": headers,
    }


def test_the_first_rule_that_fits_answers(objects: Objects, rules: Callable[..., None]) -> None:
    rules({"AllowedOrigins": ["http://b"], "MaxAgeSeconds": 1}, {"MaxAgeSeconds": 2})
    assert preflight(objects, "bucket", asked("http://b"))["Access-Control-Max-Age"] == "1"
    told = preflight(objects, "bucket", asked("http://c"))
    assert (told["Access-Control-Max-Age"], told["Access-Control-Allow-Origin"]) == ("2", "*")
    assert "Access-Control-Allow-Credentials" not in told


def test_an_origin_that_is_named_is_told_again(objects: Objects, rules: Callable[..., None]) -> None:
    rules({"AllowedOrigins": ["http://*.b"]})
    told = headers_for(objects, "bucket", "GET", {"origin": "http://x.b"})
    assert (told["Access-Control-Allow-Origin"], told["Access-Control-Allow-Credentials"]) == ("http://x.b", "true")
    assert headers_for(objects, "bucket", "GET", {"origin": "http://x.c"}) == {}
    assert headers_for(objects, "bucket", "PUT", {"origin": "http://x.b"}) == {}
    assert headers_for(objects, "bucket", "GET", {}) == {}
    assert headers_for(objects, "none", "GET", {"origin": "http://x.b"}) == {}


def test_every_header_must_be_allowed(objects: Objects, rules: Callable[..., None]) -> None:
    rules({"AllowedHeaders": ["X-A", "x-b*"]})
    told = preflight(objects, "bucket", asked(headers="x-a, X-B1"))
    assert told["Access-Control-Allow-Headers"] == "x-a, x-b1"
    with pytest.raises(AwsError, match="not allowed"):
        preflight(objects, "bucket", asked(headers="x-a, x-c"))


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 400), (asked(method="TRACE"), 400), (asked(method="PUT"), 403), (asked(), 403)]
)
def test_refused_preflights(objects: Objects, ask: Ask, headers: dict[str, str], status: int) -> None:
    with pytest.raises(AwsError) as caught:
        preflight(objects, "bucket", headers)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"AllowedMethods": ["PATCH"]}, "InvalidRequest"),
        ({"AllowedMethods": []}, "MalformedXML"),
        ({"AllowedOrigins": ["http://*.*"]}, "InvalidRequest"),
        ({"AllowedHeaders": ["**"]}, "InvalidRequest"),
        ({"ExposeHeaders": ["x-*"]}, "InvalidRequest"),
    ],
)
def test_rules_have_rules(rules: Callable[..., None], rule: dict[str, Any], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        rules(rule)
    assert caught.value.code == code
