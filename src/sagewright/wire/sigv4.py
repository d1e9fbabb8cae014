"""AWS request signatures: reading them, checking them, making them for our own calls.

Formats: Signature Version 4, as header and as presigned query
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, and for S3's deviations
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html), and the older presigned query of S3
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html), which boto3 still makes by default
for custom endpoints.

The edge calls `read`, looks the key up, and calls `verify`. A body that is not at hand yet is settled later:

    signature.payload                                   who checks the body
    None, or a hex digest, and the body is at hand      `verify`, from `body_sha256`
    a hex digest, and the body streams                  the reader: hash it, then `check_payload`
    STREAMING-…                                         `chunked.ChunkedDecoder`, seeded with this signature
    UNSIGNED-PAYLOAD                                    nobody
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Final, Literal
from urllib.parse import quote, unquote

from sagewright.base.errors import AwsError
from sagewright.base.values import frozen
from sagewright.wire import model
from sagewright.wire import sigv4_errors as errors
from sagewright.wire.http import Request
from sagewright.wire.protocols import times

ALGORITHM: Final = "AWS4-HMAC-SHA256"
EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
UNSIGNED: Final = "UNSIGNED-PAYLOAD"
SKEW: Final = 900
"""Seconds that a request's clock may be off, either way."""
WEEK: Final = 604_800

_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_QUERY_FIELDS: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
)
# The parameters that are part of a resource's name in the old scheme.
# fmt: off
_SUBRESOURCES: Final = frozenset((
    "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle",
    "location", "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication",
    "requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "restore", "select",
    "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning",
    "versions", "website",
))
# fmt: on


@frozen
class Signature:
    """What a request claims: who signed it, when, and over what. Nothing is verified yet."""

    access_key_id: str
    date: str
    """The scope's day, `YYYYMMDD`; empty for "v2"."""
    region: str
    service: str
    """The scope's service, a signing name; "s3" for "v2"."""
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: float
    """Epoch seconds at which it was signed; for "v2", which does not say, the moment it expires."""
    payload: str | None
    """The value of `x-amz-content-sha256` as signed; None where the signature covers the body's own digest."""
    token: str | None
    """The session token, for temporary credentials."""
    kind: Literal["header", "query", "v2"]
    expires: float | None = None
    """Epoch seconds after which a presigned request is refused; None for "header"."""
    stamp: str = ""
    """`timestamp` as it was written, which the signature covers."""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def payload_sha256(self) -> str | None:
        """The digest that the body must have, where the request names one."""
        return self.payload if self.payload and _HEX_DIGEST.fullmatch(self.payload) else None

    @property
    def streams(self) -> bool:
        """Whether the body is `aws-chunked`, in whichever of its forms."""
        return self.payload is not None and self.payload.startswith("STREAMING-")


def read(request: Request) -> Signature | None:
    """The signature a request carries; None when it carries none (or some other scheme, such as Basic).

    Raises `AwsError` (4xx) when it carries half of one.
    """
    authorization = request.headers.get("authorization")
    if authorization is not None and authorization.startswith("AWS"):
        return _read_header(request, authorization)
    query = request.query
    if "X-Amz-Signature=" in query or "X-Amz-Credential=" in query:
        return _read_query(request)
    if "AWSAccessKeyId=" in query and "Signature=" in query:
        return _read_v2(request)
    return None


def verify(
    signature: Signature,
    request: Request,
    secret_key: str,
    *,
    now: float,
    body_sha256: str | None,
    resource: str | None = None,
) -> None:
    """Raises `AwsError` (403) unless the holder of `secret_key` signed this request and it is still in time.

    `now` is in epoch seconds. `body_sha256` is the hex digest of the whole body, None when it is not read yet (see
    the table above; a signature that covers the body's digest then counts as one over an empty body). `resource` is
    the path with the bucket in front, for "v2" requests that name the bucket in their host.
    """
    _check_time(signature, request, now)
    if signature.kind == "v2":
        _check_covered(request)
        expected = _signature_v2(signature, request, secret_key, resource or request.path)
        if not hmac.compare_digest(expected.encode(), signature.signature.encode()):
            raise errors.mismatch(signature, request)
        return
    if signature.service == "s3":
        _check_all_signed(signature, request)
    else:
        _check_target_signed(signature, request)
    claimed = signature.payload_sha256
    if claimed is not None and body_sha256 is not None:
        check_payload(signature, body_sha256)
    payload = signature.payload or body_sha256 or EMPTY_SHA256
    key = signing_key(secret_key, signature.date, signature.region, signature.service)
    given = signature.signature.encode()
    for canonical in (False, True):
        text = _canonical_request(signature, request, payload, reencode=canonical)
        to_sign = _string_to_sign(signature.stamp, signature.scope, text)
        if hmac.compare_digest(hmac.digest(key, to_sign, "sha256").hex().encode(), given):
            return
    raise errors.mismatch(signature, request, text, to_sign.decode())


def check_payload(signature: Signature, body_sha256: str) -> None:
    """Raises `AwsError` (400) unless the body's digest is the one that the signature covers, where it names one."""
    claimed = signature.payload_sha256
    if claimed is not None and not hmac.compare_digest(claimed, body_sha256):
        raise errors.payload_mismatch(signature, claimed, body_sha256)


def sign(
    request: Request,
    *,
    access_key_id: str,
    secret_key: str,
    region: str,
    service: str,
    now: float,
    token: str | None = None,
    payload: str | None = None,
) -> dict[str, str]:
    """The headers that sign a request, to be added to its own; `host` must be there.

    The body must be bytes, or `payload` say what `x-amz-content-sha256` is to say of it.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime(_STAMP)
    digest = hashlib.sha256(request.body).hexdigest() if payload is None else payload
    added = {"x-amz-date": stamp}
    if service == "s3":
        added["x-amz-content-sha256"] = digest
    if token is not None:
        added["x-amz-security-token"] = token
    headers = {**request.headers, **added}
    names = tuple(sorted(n for n in headers if n in {"host", "content-type"} or n.startswith("x-amz-")))
    draft = Signature(access_key_id, stamp[:8], region, service, names, "", now, digest, token, "header", None, stamp)
    signed = Request(request.method, request.path, request.query, headers, request.body)
    to_sign = _string_to_sign(stamp, draft.scope, _canonical_request(draft, signed, digest))
    result = hmac.digest(signing_key(secret_key, stamp[:8], region, service), to_sign, "sha256").hex()
    added["authorization"] = (
        f"{ALGORITHM} Credential={access_key_id}/{draft.scope}, SignedHeaders={';'.join(names)}, Signature={result}"
    )
    return added


@lru_cache(maxsize=1024)
def signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """The key of one day, region and service, derived from a secret; remembered, as deriving costs four HMACs."""
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _read_header(request: Request, authorization: str) -> Signature:
    claim, _, signature = authorization.rpartition("Signature=")
    found = _claimed(claim) if _HEX_DIGEST.fullmatch(signature) else None
    if found is None:
        found, signature = _spelled_out(request, authorization)
    key, date, region, service, names = found
    stamp = request.headers.get("x-amz-date") or request.headers.get("date")
    if not stamp:
        raise errors.incomplete(
            request, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    stamp, timestamp = _stamp(request, stamp)
    return Signature(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        signed_headers=names,
        signature=signature,
        timestamp=timestamp,
        payload=_payload(request),
        token=request.headers.get("x-amz-security-token"),
        kind="header",
        stamp=stamp,
    )


_Claim = tuple[str, str, str, str, tuple[str, ...]]
"""Access key id, day, region, service, signed headers."""


@lru_cache(maxsize=1024)
def _claimed(text: str) -> _Claim | None:
    """What stands before the signature, which a client says again and again; None if it is not spelled as SDKs do."""
    found = _CLAIM.fullmatch(text)
    return None if found is None else (found[1], found[2], found[3], found[4], tuple(found[5].split(";")))


_CLAIM: Final = re.compile(
    rf"{ALGORITHM} Credential=([^/, ]+)/([^/, ]+)/([^/, ]+)/([^/, ]+)/aws4_request, ?SignedHeaders=([^, =]+), ?"
)


def _spelled_out(request: Request, authorization: str) -> tuple[_Claim, str]:
    """The same of a header that may be spelled in any way, and the signature. Raises AwsError for half of one."""
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise errors.unsupported(request, algorithm)
    parts = {}
    for item in rest.split(","):
        name, _, value = item.strip().partition("=")
        parts[name] = value
    absent = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if absent:
        raise errors.incomplete(request, " ".join(f"Authorization header requires '{n}' parameter." for n in absent))
    credential = _credential(request, parts["Credential"])
    return (*credential, tuple(parts["SignedHeaders"].split(";"))), parts["Signature"]


def _read_query(request: Request) -> Signature:
    query = _parameters(request.query)
    missing = [name for name in _QUERY_FIELDS if not query.get(name)]
    if missing or query["X-Amz-Algorithm"] != ALGORITHM:
        raise errors.query_parameters(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    key, date, region, service = _credential(request, query["X-Amz-Credential"])
    stamp, timestamp = _stamp(request, query["X-Amz-Date"])
    seconds = query.get("X-Amz-Expires", str(SKEW))
    if not seconds.isascii() or not seconds.isdigit() or int(seconds) > WEEK:
        raise errors.query_parameters(
            "X-Amz-Expires must be less than a week (in seconds); "
            f"that is, the given X-Amz-Expires must be less than {WEEK} seconds"
        )
    names = tuple(query["X-Amz-SignedHeaders"].split(";"))
    payload = _payload(request) if "x-amz-content-sha256" in names else None
    return Signature(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        signed_headers=names,
        signature=query["X-Amz-Signature"],
        timestamp=timestamp,
        payload=payload or (UNSIGNED if service == "s3" else None),
        token=query.get("X-Amz-Security-Token") or request.headers.get("x-amz-security-token"),
        kind="query",
        expires=timestamp + int(seconds),
        stamp=stamp,
    )


def _read_v2(request: Request) -> Signature:
    query = _parameters(request.query)
    expires = query.get("Expires", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) < 15):
        raise errors.v2_parameters()
    return Signature(
        access_key_id=query.get("AWSAccessKeyId", ""),
        date="",
        region="",
        service="s3",
        signed_headers=(),
        signature=query.get("Signature", "").replace(" ", "+"),
        timestamp=float(expires),
        payload=None,
        token=query.get("x-amz-security-token") or request.headers.get("x-amz-security-token"),
        kind="v2",
        expires=float(expires),
        stamp=expires,
    )


def _payload(request: Request) -> str | None:
    value = request.headers.get("x-amz-content-sha256")
    if value is None or value == UNSIGNED or value.startswith("STREAMING-") or _HEX_DIGEST.fullmatch(value):
        return value
    raise errors.payload_header()


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        found.setdefault(unquote(name), unquote(value))
    return found


def _credential(request: Request, credential: str) -> tuple[str, str, str, str]:
    parts = credential.split("/")
    if len(parts) != 5 or not all(parts):
        raise errors.incomplete(
            request,
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{credential[:200]}'",
        )
    key, date, region, service, terminator = parts
    if terminator != "aws4_request":
        raise errors.scope(
            request,
            service,
            f"Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator[:50]}'.",
        )
    return key, date, region, service


def _stamp(request: Request, text: str) -> tuple[str, float]:
    """A request's time as the signature spells it, and in epoch seconds."""
    try:
        if len(text) == 16 and text[8] == "T":
            return text, _epoch(text)
        seconds = times.parse(text)
        return datetime.fromtimestamp(seconds, UTC).strftime(_STAMP), seconds
    except ValueError as exc:
        raise errors.incomplete(
            request,
            f"Date must be in ISO-8601 'basic format'. Got '{text[:50]}'. See http://en.wikipedia.org/wiki/ISO_8601",
        ) from exc


@lru_cache(maxsize=64)
def _epoch(stamp: str) -> float:
    # Clients sign many requests within a second, and reading a date is the dearest part of reading a signature.
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC).timestamp()


def _check_time(signature: Signature, request: Request, now: float) -> None:
    if signature.expires is not None:
        if now > signature.expires:
            raise errors.expired(signature, request, now)
        if signature.kind == "query" and signature.timestamp > now + SKEW:
            raise errors.not_yet(signature, request, now)
    elif now - signature.timestamp > SKEW:
        raise errors.expired(signature, request, now)
    elif signature.timestamp - now > SKEW:
        raise errors.not_yet(signature, request, now)
    if signature.kind != "v2" and signature.date != signature.stamp[:8]:
        raise errors.scope(
            request,
            signature.service,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{signature.date}' != '{signature.stamp[:8]}', from '{signature.stamp}'.",
        )


def _check_all_signed(signature: Signature, request: Request) -> None:
    """S3 wants every header that it may act upon signed, or a presigned URL could be bent."""
    loose = [n for n in request.headers if n.startswith("x-amz-") and n not in signature.signed_headers]
    if signature.kind == "query":
        loose = [name for name in loose if name != "x-amz-content-sha256"]
    if loose or "host" not in signature.signed_headers:
        raise AwsError(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            status=403,
            fields={"HeadersNotSigned": ", ".join(loose or ["host"])},
        )


def _check_target_signed(signature: Signature, request: Request) -> None:
    """Where a request goes and what it asks for must be signed, or one that was signed for little could be made to ask
    for much: the target is the operation."""
    for name, spelled in (("host", "'Host' or ':authority'"), ("x-amz-target", "'X-Amz-Target'")):
        if name in request.headers and name not in signature.signed_headers:
            raise errors.scope(
                request, signature.service, f"{spelled} must be a 'SignedHeader' in the AWS Authorization."
            )


def _check_covered(request: Request) -> None:
    """The old scheme signs the parameters that it knows. An operation that one of the others names would be asked for
    by whoever has the address, not by who signed it."""
    loose = {unquote(pair.partition("=")[0]) for pair in request.query.split("&")} & _uncovered()
    if loose:
        raise errors.v2_uncovered(sorted(loose)[0])


@cache
def _uncovered() -> frozenset[str]:
    s3 = model.service("s3")
    queries = [str(s3.operation_model(name).http["requestUri"]).partition("?")[2] for name in s3.operation_names]
    named = {pair.partition("=")[0] for query in queries for pair in query.split("&")}
    return frozenset(named - _SUBRESOURCES - {"", "list-type", "x-id"})


def _canonical_request(signature: Signature, request: Request, payload: str, *, reencode: bool = False) -> str:
    """The text whose digest is signed. `reencode` spells path and query anew, for clients (and proxies) that send
    another spelling of the URI than the one they signed."""
    query = request.query
    if query and "&" not in query and not reencode:
        query = query if "=" in query else f"{query}="
    elif query:
        pairs = query.split("&")
        if signature.kind == "query":
            pairs = [pair for pair in pairs if not pair.startswith("X-Amz-Signature=")]
        if reencode:
            pairs = [_reencode(pair) for pair in pairs]
        # By name, then by value; a bare name is signed with an equals sign.
        query = "&".join("=".join(parts) for parts in sorted(_split(pair) for pair in pairs))
    headers = request.headers
    lines = "".join([f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signature.signed_headers])
    path = _canonical_path(signature.service, request.path, reencode)
    return "\n".join((request.method.upper(), path, query, lines, ";".join(signature.signed_headers), payload))


@lru_cache(maxsize=1024)
def _canonical_path(service: str, path: str, reencode: bool) -> str:
    if service == "s3":
        # Keys are signed as they are: `a//b` and `a/../b` are names like any other.
        return (quote(unquote(path), safe="/~") if reencode else path) or "/"
    if path in {"/", ""}:
        return "/"
    return quote(_normalized(quote(unquote(path), safe="/~") if reencode else path), safe="/~")


def _normalized(path: str) -> str:
    """RFC 3986, 5.2.4, with repeated slashes removed as well, as all services but S3 do."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment and segment != ".":
            kept.append(segment)
    end = "/" if path.endswith("/") and kept else ""
    return f"/{'/'.join(kept)}{end}"


def _split(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value


def _reencode(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{quote(unquote(name), safe='-_.~')}={quote(unquote(value), safe='-_.~')}"


def _string_to_sign(stamp: str, scope: str, canonical_request: str) -> bytes:
    try:
        raw = canonical_request.encode("latin-1")  # header values are the wire's bytes, see `http.Headers`
    except UnicodeEncodeError:
        raw = canonical_request.encode()
    digest = hashlib.sha256(raw).hexdigest()
    return f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode()


def _signature_v2(signature: Signature, request: Request, secret_key: str, resource: str) -> str:
    query = _parameters(request.query)
    # Headers that the presigner put into the query count as if they had been sent, however their case is.
    moved: dict[str, str] = {}
    for name, value in query.items():
        if name.islower() or name.lower().startswith("x-amz-"):
            moved.setdefault(name.lower(), value)
    headers: Mapping[str, str] = {**moved, **request.headers}
    lines = [
        request.method.upper(),
        headers.get("content-md5", "").strip(),
        headers.get("content-type", "").strip(),
        signature.stamp,
        *(f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-amz-")),
    ]
    split = [pair.split("=", 1) for pair in request.query.split("&")]
    named = [[unquote(name), *value] for name, *value in split]  # as whoever reads the request does
    parts = sorted((pair for pair in named if pair[0] in _SUBRESOURCES), key=lambda pair: pair[0])
    if parts:
        resource += "?" + "&".join("=".join([pair[0], *map(unquote, pair[1:])]) for pair in parts)
    text = "\n".join([*lines, resource])
    return b64encode(hmac.digest(secret_key.encode(), text.encode(), "sha1")).decode()
