"""Signatures that botocore's signers make, checked by us; and the other way round."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagewright.base.errors import AwsError
from sagewright.wire import sigv4
from sagewright.wire.http import Request

KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token/with+signs=="
SIGNERS: dict[str, Any] = {
    "v4": (SigV4Auth, "sagemaker"),
    "v4-query": (SigV4QueryAuth, "sts"),
    "s3v4": (S3SigV4Auth, "s3"),
    "s3v4-query": (S3SigV4QueryAuth, "s3"),
    "v2": (HmacV1QueryAuth, "s3"),
}
quick = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

segment = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), max_size=6)
paths = st.lists(segment | st.sampled_from(["", ".", "..", "a b", "a+b", "é", "~", "%"]), max_size=5).map(
    lambda parts: "/" + "/".join(quote(part, safe="~") for part in parts)
)
# Names that a signer of its own meaning for would read otherwise are left to the examples below.
names = st.text("abcXYZ-_ .~é+", min_size=1, max_size=6) | st.sampled_from(["uploads", "versionId", "acl", "list-type"])
queries = st.lists(st.tuples(names, st.text("ab /+=&é", max_size=5)), max_size=4)
headers = st.dictionaries(
    st.sampled_from(["Content-Type", "x-amz-meta-a", "x-amz-acl", "Content-MD5", "X-Custom"]),
    st.text("abc  ;,=/", min_size=1, max_size=8).filter(str.strip),
    max_size=3,
)


def sent(
    signer: str, method: str, path: str, query: str, extra: dict[str, str], body: bytes, token: str | None
) -> Request:
    """What a server sees of a request that botocore signed."""
    url = f"http://localhost:4700{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, headers=extra, data=body)
    make, name = SIGNERS[signer]
    credentials = Credentials(KEY, SECRET, token)
    auth = make(credentials) if signer == "v2" else make(credentials, name, "us-east-1")
    request.context["payload_signing_enabled"] = True
    auth.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    found = {k.lower(): _text(v) for k, v in prepared.headers.items()}
    found["host"] = "localhost:4700"
    if signer == "v2":
        # The presigner moves them into the query; `date` never leaves the client.
        found = {k: v for k, v in found.items() if not k.startswith("x-amz-") and k != "date"}
    return Request(method, parts.path, parts.query, found, body)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def check(request: Request, *, secret: str = SECRET, now: float | None = None) -> sigv4.Signature:
    signature = sigv4.read(request)
    assert signature is not None
    digest = hashlib.sha256(request.body).hexdigest()
    sigv4.verify(signature, request, secret, now=time.time() if now is None else now, body_sha256=digest)
    return signature


@pytest.mark.parametrize("signer", sorted(SIGNERS))
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    path=paths,
    query=queries,
    extra=headers,
    body=st.binary(max_size=30),
    token=st.sampled_from([None, TOKEN]),
)
@quick
def test_what_botocore_signs_is_right(
    signer: str,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    extra: dict[str, str],
    body: bytes,
    token: str | None,
) -> None:
    if signer.endswith("query"):
        query, body = list(dict(query).items()), b""  # botocore's presigner knows no repeated names and no body
    text = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query)
    request = sent(signer, method, path, text, extra, body, token)
    signature = check(request)
    assert (signature.access_key_id, signature.token) == (KEY, token)
    with pytest.raises(AwsError) as caught:
        check(request, secret=SECRET[:-1])
    assert caught.value.status == 403


@pytest.mark.parametrize("signer", ["v4", "s3v4", "v2"])  # botocore's V4 presigner rewrites the query
@pytest.mark.parametrize(
    "query", ["uploads", "acl&versionId=3&b=2&a=", "list-type=2&prefix=a%2Fb&delimiter=%2F", "x=2&x=1"]
)
def test_bare_and_repeated_query_names(signer: str, query: str) -> None:
    check(sent(signer, "GET", "/bucket/a//b/../c%20d", query, {}, b"", None))


@pytest.mark.parametrize(
    ("signer", "change"),
    [(signer, change) for signer in SIGNERS for change in ("method", "path", "query")]
    + [("v4", "body"), ("s3v4", "body")],
)
def test_a_changed_request_is_refused(signer: str, change: str) -> None:
    request = sent(signer, "PUT", "/bucket/key", "acl=", {}, b"body" if signer in {"v4", "s3v4"} else b"", TOKEN)
    changed = Request(
        "GET" if change == "method" else request.method,
        "/bucket/other" if change == "path" else request.path,
        f"tagging&{request.query}" if change == "query" else request.query,
        request.headers,
        b"other" if change == "body" else request.body,
    )
    with pytest.raises(AwsError) as caught:
        check(changed)
    expected = {"v4": "InvalidSignatureException"}.get(signer, "SignatureDoesNotMatch")
    if (signer, change) == ("s3v4", "body"):
        expected = "XAmzContentSHA256Mismatch"
    assert caught.value.code == expected


@pytest.mark.parametrize(
    "spell",
    [
        lambda algorithm, parts: f"{algorithm} {','.join(parts)}",
        lambda algorithm, parts: f"{algorithm} {', '.join(reversed(parts))}",
        lambda algorithm, parts: f"{algorithm}  {' , '.join(parts)} ",
    ],
)
def test_the_parts_of_a_signature_come_in_any_spelling(spell: Callable[[str, list[str]], str]) -> None:
    request = sent("v4", "POST", "/b/k", "", {}, b"body", TOKEN)
    algorithm, _, rest = request.headers["authorization"].partition(" ")
    headers = {**request.headers, "authorization": spell(algorithm, rest.split(", "))}
    assert check(replace(request, headers=headers)).access_key_id == KEY


@pytest.mark.parametrize("signer", ["v4", "s3v4"])
def test_a_header_in_utf_8_is_signed_as_its_bytes(signer: str) -> None:
    request = sent(signer, "PUT", "/b/k", "", {"x-amz-meta-a": "日é"}, b"", None)
    wire = {name: value.encode().decode("latin-1") for name, value in request.headers.items()}
    check(Request("PUT", "/b/k", "", wire))


@pytest.mark.parametrize(
    ("signer", "code", "words"),
    [
        ("v4", "InvalidSignatureException", "Signature expired: "),
        ("v4-query", "SignatureDoesNotMatch", "Signature expired: "),
        ("s3v4", "RequestTimeTooSkewed", "The difference between"),
        ("s3v4-query", "AccessDenied", "Request has expired"),
        ("v2", "AccessDenied", "Request has expired"),
    ],
)
def test_too_late(signer: str, code: str, words: str) -> None:
    request = sent(signer, "GET", "/b/k", "", {}, b"", None)
    with pytest.raises(AwsError, match=words) as caught:
        check(request, now=time.time() + 3700)
    assert (caught.value.code, caught.value.status) == (code, 403)


@pytest.mark.parametrize(
    ("signer", "code"),
    [("v4", "InvalidSignatureException"), ("s3v4", "RequestTimeTooSkewed"), ("s3v4-query", "AccessDenied")],
)
def test_too_early(signer: str, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        check(sent(signer, "GET", "/b/k", "", {}, b"", None), now=time.time() - 1000)
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["s3", "sagemaker"])
@given(path=paths, query=queries, body=st.binary(max_size=20))
@quick
def test_our_own_signatures_verify(name: str, path: str, query: list[tuple[str, str]], body: bytes) -> None:
    text = "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in query)
    bare = Request("POST", path, text, {"host": "localhost", "content-type": "a/b"}, body)
    added = sigv4.sign(
        bare, access_key_id=KEY, secret_key=SECRET, region="eu-west-1", service=name, now=1.8e9, token=TOKEN
    )
    check(Request(bare.method, path, text, {**bare.headers, **added}, body), now=1.8e9 + 5)


@given(path=paths.filter(lambda path: "." not in path), body=st.binary(max_size=20))
@quick
def test_our_signature_is_botocores(path: str, body: bytes) -> None:
    theirs = sent("s3v4", "PUT", path, "", {}, body, None)
    signature = sigv4.read(theirs)
    assert signature is not None
    plain = {k: v for k, v in theirs.headers.items() if k == "host"}
    ours = sigv4.sign(
        Request("PUT", path, "", plain, body),
        access_key_id=KEY,
        secret_key=SECRET,
        region="us-east-1",
        service="s3",
        now=signature.timestamp,
    )
    assert ours["authorization"] == theirs.headers["authorization"]
