"""Checksums: what a client declared of a body is checked before anything is stored, and kept with it.

Headers, trailers and types: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.values import Content
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.refusals import invalid_request
from sagewright.wire.checksums import ALGORITHMS, Checksum

_PREFIX = "x-amz-checksum-"


def member(algorithm: str) -> str:
    """What the model calls a checksum: `ChecksumCRC32`."""
    return f"Checksum{algorithm}"


def checksums(members: Mapping[str, object]) -> dict[str, object]:
    """Only the checksum members."""
    kept = {member(name) for name in ALGORITHMS} | {"ChecksumType"}
    return {name: value for name, value in members.items() if name in kept}


class Declared:
    """What a request says about its body's bytes, and the means to check it."""

    def __init__(self, call: Call, request: Params, *, also: str | None = None) -> None:
        """Raises InvalidRequest and InvalidDigest for what cannot be a checksum. `also` is computed in any case."""
        self._md5 = _md5(call.headers.get("content-md5"))
        self.length = _length(call.headers)
        self._value = _declared(request)
        algorithms = [self._value[0]] if self._value else []
        self._trailing = _trailing(call.headers)
        if self._trailing is not None:
            algorithms.append(self._trailing)
        if len(algorithms) > 1:
            raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
        promised = request.get("ChecksumAlgorithm")
        if promised is not None and not algorithms:
            raise invalid_request(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                "headers were found."
            )
        self.computed = {name: Checksum(name) for name in {*algorithms, *([also] if also else [])}}

    @property
    def watchers(self) -> Sequence[Checksum]:
        """What has to see the bytes."""
        return list(self.computed.values())

    def check(self, content: Content, trailers: Mapping[str, str]) -> dict[str, str]:
        """The checksums to keep. Raises IncompleteBody and BadDigest."""
        if self.length is not None and content.size != self.length:
            raise AwsError(
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP header.",
            )
        if self._md5 is not None and self._md5 != content.md5:
            raise AwsError(
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
                fields={"ExpectedDigest": self._md5, "CalculatedDigest": content.md5},
            )
        found = {name: checksum.digest_b64 for name, checksum in self.computed.items()}
        wanted = self._value
        if self._trailing is not None:
            value = trailers.get(_PREFIX + self._trailing.lower())
            if value is None:
                raise AwsError("MalformedTrailerError", "The request contained trailing data that was not well-formed.")
            wanted = (self._trailing, value)
        if wanted is not None and found[wanted[0]] != wanted[1]:
            raise AwsError("BadDigest", f"The {wanted[0]} you specified did not match the calculated checksum.")
        return {member(name): value for name, value in found.items()}


def _md5(header: str | None) -> str | None:
    """Content-MD5 in hexadecimal."""
    if header is None:
        return None
    digest = _decoded(header)
    if digest is None or len(digest) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.", fields={"Content-MD5": header})
    return digest.hex()


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("x-amz-decoded-content-length") or headers.get("content-length")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise AwsError("InvalidArgument", "The content length is not a number.")
    return int(text)


def _declared(request: Params) -> tuple[str, str] | None:
    """The one checksum among a request's members: (algorithm, base64)."""
    given = [name.removeprefix("Checksum") for name in request if name.startswith("Checksum") and name not in _NO_VALUE]
    if len(given) > 1:
        raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    if not given:
        return None
    name, value = given[0], request[member(given[0])]
    check_algorithm(name)
    digest = _decoded(value)
    if digest is None or len(digest) != ALGORITHMS[name]:
        raise invalid_request(f"Value for {_PREFIX}{name.lower()} header is invalid.")
    return name, value


_NO_VALUE = frozenset({"ChecksumAlgorithm", "ChecksumType", "ChecksumMode"})


def _trailing(headers: Mapping[str, str]) -> str | None:
    """The algorithm that a trailer will carry."""
    names = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")]
    sums = [name.removeprefix(_PREFIX).upper() for name in names if name.startswith(_PREFIX)]
    for name in sums:
        check_algorithm(name)
    return sums[0] if sums else None


def check_algorithm(name: str) -> str:
    """The algorithm's name. Raises InvalidRequest for one that we do not compute."""
    if name not in ALGORITHMS:
        offered = ", ".join(ALGORITHMS)
        raise invalid_request(f"Checksum algorithm {name} is not one that Sagewright computes. It computes: {offered}.")
    return name


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def check_signed_for_lock(call: Call, request: Params) -> None:
    """What is locked from its first moment on must be known to have come whole. Raises InvalidRequest."""
    if not any(name.startswith("ObjectLock") for name in request):
        return
    headers = call.headers
    if "content-md5" not in headers and _declared(request) is None and _trailing(headers) is None:
        raise invalid_request(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
        )


# Checksums of objects that come in parts.


def default_type(algorithm: str) -> str:
    """What an upload's checksum is of when nobody says."""
    return "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"


def check_type(algorithm: str, kind: str) -> str:
    """The type. Raises InvalidRequest for pairs that S3 does not have."""
    possible = {"CRC64NVME": ("FULL_OBJECT",), "CRC32": ("FULL_OBJECT", "COMPOSITE")}
    if kind not in possible.get(algorithm.replace("CRC32C", "CRC32"), ("COMPOSITE",)):
        raise invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return kind


def composite_etag(md5s: Sequence[str]) -> str:
    """The ETag of an object in parts: the md5 of the parts' md5s, and how many they are."""
    joined = b"".join(bytes.fromhex(md5) for md5 in md5s)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(md5s)}"
