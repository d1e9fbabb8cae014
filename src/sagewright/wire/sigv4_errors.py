"""What AWS says about signatures that do not hold. Each family of services has its own codes; see `_family`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from sagewright.base.errors import AwsError
from sagewright.wire.http import Request
from sagewright.wire.model import SERVICES
from sagewright.wire.protocols import times

if TYPE_CHECKING:
    from sagewright.wire.sigv4 import Signature

Family = Literal["s3", "query", "json"]

_MINUTES: Final = 15


def _family(request: Request, service: str) -> Family:
    if service == "s3":
        return "s3"
    if "x-amz-target" in request.headers:
        return "json"
    return "query" if service in _query_services() else "json"


@cache
def _query_services() -> frozenset[str]:
    return frozenset(row.signing_name for row in SERVICES.values() if {"query", "ec2"} & set(row.protocols))


def _guess(request: Request) -> Family:
    """The family of a request whose scope cannot be read."""
    if "x-amz-target" in request.headers:
        return "json"
    if "x-amz-content-sha256" in request.headers:
        return "s3"
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "query" if form else "json"


def mismatch(signature: Signature, request: Request, canonical_request: str = "", string_to_sign: str = "") -> AwsError:
    """The signature is not what this key makes of this request."""
    match _family(request, signature.service):
        case "s3":
            fields = {
                "AWSAccessKeyId": signature.access_key_id,
                "StringToSign": string_to_sign,
                "SignatureProvided": signature.signature,
                "CanonicalRequest": canonical_request,
            }
            return AwsError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
                status=403,
                fields={name: value for name, value in fields.items() if value},
            )
        case family:
            return _invalid(
                family,
                "The request signature we calculated does not match the signature you provided. Check your AWS "
                "Secret Access Key and signing method. Consult the service documentation for details.",
            )


def _invalid(family: Family, message: str) -> AwsError:
    code = "InvalidSignatureException" if family == "json" else "SignatureDoesNotMatch"
    return AwsError(code, message, status=403)


def payload_mismatch(signature: Signature, claimed: str, actual: str) -> AwsError:
    """The body is not the one that was signed."""
    if signature.service != "s3":
        return _invalid("json", "The value of x-amz-content-sha256 is not the digest of the request's body.")
    return AwsError(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        fields={"ClientComputedContentSHA256": claimed, "S3ComputedContentSHA256": actual},
    )


def incomplete(request: Request, message: str) -> AwsError:
    """Half a signature."""
    code = {
        "s3": "AuthorizationHeaderMalformed",
        "query": "IncompleteSignature",
        "json": "IncompleteSignatureException",
    }[_guess(request)]
    return AwsError(code, message)


def scope(request: Request, service: str, message: str) -> AwsError:
    """A credential scope that cannot be right."""
    family = _family(request, service)
    if family == "s3":
        return AwsError("AuthorizationHeaderMalformed", f"The authorization header is malformed; {message}")
    return _invalid(family, message)


def query_parameters(message: str) -> AwsError:
    """A presigned URL that lacks something."""
    return AwsError("AuthorizationQueryParametersError", message)


def payload_header() -> AwsError:
    """A content digest that is neither a digest nor one of the known words."""
    return AwsError(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
    )


def v2_parameters() -> AwsError:
    """The same for the old scheme."""
    return AwsError(
        "AccessDenied",
        "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
        status=403,
    )


def v2_uncovered(parameter: str) -> AwsError:
    """An operation that the old scheme's signatures say nothing of."""
    return AwsError(
        "AccessDenied",
        f"A signature of version 2 does not cover {parameter!r}: presign with version 4 (in boto3 "
        'Config(signature_version="s3v4")).',
        status=403,
    )


def unsupported(request: Request, algorithm: str) -> AwsError:
    """A signature of a kind that we do not know."""
    if _guess(request) == "s3":
        return AwsError(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        )
    return incomplete(request, f"Unsupported AWS 'algorithm': '{algorithm[:50]}'. Please use AWS4-HMAC-SHA256.")


def expired(signature: Signature, request: Request, now: float) -> AwsError:
    """Too late."""
    family = _family(request, signature.service)
    if family == "s3":
        return _late_for_s3(signature, now)
    if signature.expires is not None:
        return _invalid(family, f"Signature expired: {_basic(signature.expires)} is now earlier than {_basic(now)}")
    limit = f"{_basic(now - _MINUTES * 60)} ({_basic(now)} - {_MINUTES} min.)"
    return _invalid(family, f"Signature expired: {signature.stamp} is now earlier than {limit}")


def not_yet(signature: Signature, request: Request, now: float) -> AwsError:
    """Too early: the client's clock is ahead."""
    family = _family(request, signature.service)
    if family == "s3":
        if signature.kind == "query":
            return AwsError("AccessDenied", "Request is not valid yet", status=403)
        return _late_for_s3(signature, now)
    limit = f"{_basic(now + _MINUTES * 60)} ({_basic(now)} + {_MINUTES} min.)"
    return _invalid(family, f"Signature not yet current: {signature.stamp} is still later than {limit}")


def _late_for_s3(signature: Signature, now: float) -> AwsError:
    if signature.expires is not None:
        return AwsError(
            "AccessDenied",
            "Request has expired",
            status=403,
            fields={"Expires": times.iso8601(signature.expires), "ServerTime": times.iso8601(now)},
        )
    return AwsError(
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        status=403,
        fields={
            "RequestTime": signature.stamp,
            "ServerTime": times.iso8601(now),
            "MaxAllowedSkewMilliseconds": str(_MINUTES * 60_000),
        },
    )


def _basic(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
