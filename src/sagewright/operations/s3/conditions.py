"""Conditional requests: If-Match and its kin, as RFC 9110 orders them and as S3 answers them."""

from __future__ import annotations

from dataclasses import dataclass

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.base import Check
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.operations.call import Params
from sagewright.operations.s3.refusals import http_date, no_such_key, precondition_failed


@dataclass(frozen=True, slots=True)
class Conditions:
    """The four members, whatever a request calls them."""

    match: str | None
    none_match: str | None
    modified_since: float | None
    unmodified_since: float | None
    prefix: str
    """What the header names begin with: nothing, or `x-amz-copy-source-`."""

    @classmethod
    def of_read(cls, request: Params) -> Conditions:
        return cls._of(request, "", "")

    @classmethod
    def of_source(cls, request: Params) -> Conditions:
        """Those on the source of a copy."""
        return cls._of(request, "CopySource", "x-amz-copy-source-")

    @classmethod
    def _of(cls, request: Params, member: str, prefix: str) -> Conditions:
        return cls(
            match=request.get(f"{member}IfMatch"),
            none_match=request.get(f"{member}IfNoneMatch"),
            modified_since=request.get(f"{member}IfModifiedSince"),
            unmodified_since=request.get(f"{member}IfUnmodifiedSince"),
            prefix=prefix,
        )

    def check_read(self, info: ObjectInfo) -> None:
        """Raises 412 or 304."""
        self._check_must(info)
        if self._unchanged(info):
            headers = {"ETag": f'"{info.etag}"', "Last-Modified": http_date(info.modified)}
            raise AwsError("NotModified", "Not Modified", status=304, headers=headers)

    def check_source(self, info: ObjectInfo) -> None:
        """Raises 412: a copy knows no 304."""
        self._check_must(info)
        if self._unchanged(info):
            by_tag = self.none_match is not None
            raise precondition_failed(self.prefix + ("If-None-Match" if by_tag else "If-Modified-Since"))

    def _check_must(self, info: ObjectInfo) -> None:
        # A tag that matches outweighs a date that does not.
        if self.match is not None:
            if not same_etag(self.match, info.etag):
                raise precondition_failed(f"{self.prefix}If-Match")
        elif self.unmodified_since is not None and int(info.modified) > int(self.unmodified_since):
            raise precondition_failed(f"{self.prefix}If-Unmodified-Since")

    def _unchanged(self, info: ObjectInfo) -> bool:
        if self.none_match is not None:
            return same_etag(self.none_match, info.etag)
        return self.modified_since is not None and int(info.modified) <= int(self.modified_since)


def same_etag(wanted: str, etag: str) -> bool:
    """Whether one of the tags in a header is this object's; `*` is everybody's."""
    tags = (tag.strip().removeprefix("W/").strip('"') for tag in wanted.split(","))
    return any(tag in ("*", etag) for tag in tags)


def write_check(request: Params) -> Check | None:
    """What a conditional put, copy or completion asks of the key it is about to write; None when it asks nothing."""
    match, none_match = request.get("IfMatch"), request.get("IfNoneMatch")
    if match is None and none_match is None:
        return None
    if none_match not in (None, "*"):
        raise AwsError(
            "NotImplemented", "If-None-Match on a write takes no value other than *: the key must not exist."
        )

    def check(current: ObjectInfo | None) -> None:
        if none_match is not None and current is not None:
            raise precondition_failed("If-None-Match")
        if match is not None and current is None:
            raise no_such_key(request["Key"])
        if match is not None and current is not None and not same_etag(match, current.etag):
            raise precondition_failed("If-Match")

    return check


def delete_check(conditions: Params, *, etag: str, modified: str, size: str) -> Check | None:
    """What a conditional delete asks; the arguments name its members. A key that is not there holds no condition."""
    wanted = [conditions.get(name) for name in (etag, modified, size)]
    if wanted == [None, None, None]:
        return None

    def check(current: ObjectInfo | None) -> None:
        if current is None:
            return
        tag, when, length = wanted
        if tag is not None and not same_etag(str(tag), current.etag):
            raise precondition_failed("If-Match")
        if when is not None and int(float(when)) != int(current.modified):
            raise precondition_failed("x-amz-if-match-last-modified-time")
        if length is not None and int(length) != current.size:
            raise precondition_failed("x-amz-if-match-size")

    return check
