"""Signatures without botocore: what is read, what is refused, and in which words."""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace
from urllib.parse import quote

import pytest

from sagewright.base.errors import AwsError
from sagewright.wire import sigv4
from sagewright.wire.http import Request

NOW = 1_800_000_000.0
SCOPE = "AKID/20270115/us-east-1/s3/aws4_request"


def signed(service: str = "s3", **headers: str) -> Request:
    bare = Request("GET", "/b/k", "", {"host": "h", **headers})
    added = sigv4.sign(bare, access_key_id="AKID", secret_key="secret", region="us-east-1", service=service, now=NOW)
    return Request("GET", "/b/k", "", {**bare.headers, **added})


def verify(request: Request, **more: str) -> None:
    signature = sigv4.read(request)
    assert signature is not None
    sigv4.verify(signature, request, "secret", now=NOW, body_sha256=sigv4.EMPTY_SHA256, **more)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic QVdTOmI="}, {"authorization": "Bearer x"}])
def test_other_schemes_are_unsigned(headers: dict[str, str]) -> None:
    assert sigv4.read(Request("GET", "/", "a=b", headers)) is None


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, Signature=x", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=x", "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=x", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws5, SignedHeaders=host, Signature=x", "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256", "IncompleteSignatureException"),
        ("AWS4-ECDSA-P256-SHA256 Credential=a/b/c/d, Signature=x", "IncompleteSignatureException"),
        ("AWS AKID:signature", "IncompleteSignatureException"),
    ],
)
def test_half_signatures(authorization: str, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        sigv4.read(Request("GET", "/", "", {"authorization": authorization}))
    assert caught.value.code == code
    assert caught.value.status in {400, 403}


@pytest.mark.parametrize("seconds", ["604801", "-1", "x", "٣", "1e3"])
def test_a_presigned_url_lasts_a_week_at_most(seconds: str) -> None:
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={SCOPE}&X-Amz-Date=20270115T080000Z"
        f"&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host&X-Amz-Signature=abc"
    )
    with pytest.raises(AwsError) as caught:
        sigv4.read(Request("GET", "/b/k", query))
    assert caught.value.code == "AuthorizationQueryParametersError"


def test_a_made_up_digest_is_refused() -> None:
    with pytest.raises(AwsError, match="x-amz-content-sha256 must be"):
        sigv4.read(Request("GET", "/", "", {**signed().headers, "x-amz-content-sha256": "none of your business"}))


def test_s3_wants_its_own_headers_signed() -> None:
    request = signed()
    with pytest.raises(AwsError, match="not signed") as caught:
        verify(Request("GET", "/b/k", "", {**request.headers, "x-amz-acl": "public-read"}))
    assert caught.value.fields == {"HeadersNotSigned": "x-amz-acl"}


@pytest.mark.parametrize("header", ["host", "x-amz-target"])
def test_where_a_request_goes_and_what_it_asks_is_signed(header: str) -> None:
    request = signed("sagemaker", **{"x-amz-target": "SageMaker.ListModels"})
    loose = request.headers["authorization"].replace(f"{header};", "").replace(f";{header}", "")
    with pytest.raises(AwsError, match="must be a 'SignedHeader'") as caught:
        verify(replace(request, headers={**request.headers, "authorization": loose}))
    assert caught.value.code == "InvalidSignatureException"


def presigned_v2(query: str = "") -> Request:
    """What is signed is `GET /b/k`, whatever is put behind it."""
    text = f"GET\n\n\n{int(NOW) + 60}\n/b/k"
    made = quote(base64.b64encode(hmac.digest(b"secret", text.encode(), "sha1")), safe="")
    return Request("GET", "/b/k", f"AWSAccessKeyId=AKID&Expires={int(NOW) + 60}&Signature={made}{query}", {"host": "h"})


def test_an_address_of_the_old_scheme_asks_what_was_signed() -> None:
    verify(presigned_v2())
    verify(presigned_v2("&x-id=GetObject"))


@pytest.mark.parametrize(
    "added",
    [
        "&acl",
        "&%61cl",
        "&versionId=1",
        "&version%49d=1",
        "&uploadId=1",
        "&x-amz-copy-source=/b/secret",
        "&x-amz-Copy-Source=/b/secret",
        "&x-amz-%43opy-source=/b/secret",
        "&retention",
        "&%72etention",
        "&attributes",
        "&publicAccessBlock",
        "&policyStatus",
    ],
)
def test_nothing_is_added_to_an_address_of_the_old_scheme(added: str) -> None:
    with pytest.raises(AwsError) as caught:
        verify(presigned_v2(added))
    assert caught.value.status == 403


def test_a_wrong_day_in_the_scope() -> None:
    request = signed("sagemaker")
    authorization = request.headers["authorization"].replace("/20270115/", "/20270114/")
    with pytest.raises(AwsError, match=r"'20270114' != '20270115', from '20270115T080000Z'"):
        verify(Request("GET", "/b/k", "", {**request.headers, "authorization": authorization}))


def test_a_respelled_path_still_verifies() -> None:
    bare = Request("GET", "/b/a%2Bb%20c", "p=%2F", {"host": "h"})
    added = sigv4.sign(bare, access_key_id="AKID", secret_key="secret", region="r", service="s3", now=NOW)
    verify(Request("GET", "/b/a+b%20c", "p=/", {**bare.headers, **added}))


def test_repeated_spaces_of_a_header_do_not_count() -> None:
    verify(Request("GET", "/b/k", "", {**signed(**{"x-amz-meta-a": "x  y"}).headers, "x-amz-meta-a": " x y "}))


def test_the_digest_of_a_streamed_body_is_checked_later() -> None:
    request = signed()
    signature = sigv4.read(request)
    assert signature is not None
    assert signature.payload_sha256 == sigv4.EMPTY_SHA256
    sigv4.verify(signature, request, "secret", now=NOW, body_sha256=None)
    with pytest.raises(AwsError, match="does not match what was computed"):
        sigv4.check_payload(signature, "0" * 64)


def test_nothing_secret_is_said() -> None:
    signature = sigv4.read(signed())
    assert signature is not None
    with pytest.raises(AwsError) as caught:
        sigv4.verify(signature, signed(), "other-secret", now=NOW, body_sha256=None)
    assert "other-secret" not in str(caught.value.fields)
    assert caught.value.fields["SignatureProvided"] == signature.signature
