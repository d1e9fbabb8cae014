"""Attached: the objects of buckets that are passed through, for those inside who want files and bytes."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

from sagewright.base.ids import Ids
from sagewright.dataplane.objects.places import OBJECT
from sagewright.dataplane.objects.remote import Remote, Reply, UpstreamAway, UpstreamRefused, child, decoded, file_body
from sagewright.dataplane.objects.upstreams import Upstream
from sagewright.dataplane.objects.values import NULL, NoSuchObject, ObjectInfo, Opened, Pin
from sagewright.resources.record import Key, Record
from sagewright.wire.protocols import times
from sagewright.wire.protocols.xml_body import local

_LARGEST: Final = 5 << 30
"""Bytes of one put."""
_PART: Final = 512 << 20

HEADERS: Final[Mapping[str, str]] = {
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentEncoding": "content-encoding",
    "ContentLanguage": "content-language",
    "ContentType": "content-type",
    "Expires": "expires",
    "StorageClass": "x-amz-storage-class",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
}
"""What is said of an object, by the member that says it and the header that does."""
_METADATA: Final = "x-amz-meta-"


class Attached:
    """Objects elsewhere. All methods block, and raise UpstreamAway; others say what more."""

    def __init__(self, remote: Remote, folder: Path, *, account: str, ids: Ids, alone: bool = True) -> None:
        """`folder` holds what is read as a file; what a crash left there goes now, if nobody else reads there."""
        self._remote, self._folder, self._account, self._ids = remote, folder, account, ids
        for left in folder.glob("*") if alone and folder.is_dir() else ():
            left.unlink(missing_ok=True)

    def head(self, bucket: str, upstream: Upstream, key: str, version: str | None = None) -> ObjectInfo:
        """Raises NoSuchObject."""
        with self._asked(bucket, upstream, "HEAD", key, version) as reply:
            return self._info(bucket, upstream, key, reply)

    def open(self, bucket: str, upstream: Upstream, key: str, version: str | None = None) -> Opened:
        """A copy to read, which goes when nobody holds it any more. Raises NoSuchObject."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / self._ids.uuid()
        pin = Pin(path.name)
        weakref.finalize(pin, path.unlink, missing_ok=True)
        return Opened(self.fetch(bucket, upstream, key, path, version), path, pin)

    def fetch(self, bucket: str, upstream: Upstream, key: str, target: Path, version: str | None = None) -> ObjectInfo:
        """Write an object's bytes to a new file. Raises NoSuchObject."""
        with self._asked(bucket, upstream, "GET", key, version) as reply:
            info = self._info(bucket, upstream, key, reply)
            size = 0
            with target.open("xb") as file:
                for piece in reply.pieces():
                    size += file.write(piece)
        if size != info.size:
            raise UpstreamAway(upstream, f"sent {size} of {info.size} bytes")
        return info

    def page(
        self, bucket: str, upstream: Upstream, *, prefix: str, after: str | None, limit: int
    ) -> Sequence[ObjectInfo]:
        """Objects by key, from the first one greater than `after`."""
        found: list[ObjectInfo] = []
        while True:
            query = {"encoding-type": "url", "list-type": "2", "max-keys": str(limit - len(found)), "prefix": prefix}
            if after is not None:
                query["start-after"] = after
            reply = self._remote.send(upstream, "GET", query=query.items())
            self._check(bucket, upstream, "", reply)
            page = reply.document()
            found += [self._listed(bucket, each) for each in page if local(each.tag) == "Contents"]
            if child(page, "IsTruncated") != "true" or len(found) >= limit:
                return found
            after = found[-1].key

    def put(
        self, bucket: str, upstream: Upstream, key: str, descriptor: int, size: int, attributes: Mapping[str, Any]
    ) -> ObjectInfo:
        """Store a file that is open for reading; in parts, if it is larger than one put may be."""
        if size > _LARGEST:
            self._put_parts(bucket, upstream, key, descriptor, size, attributes)
        else:
            body = file_body(descriptor, 0, size)
            reply = self._remote.send(upstream, "PUT", key, headers=headers_of(attributes), body=body)
            with reply:
                self._check(bucket, upstream, key, reply)
        return self.head(bucket, upstream, key)

    def put_bytes(
        self, bucket: str, upstream: Upstream, key: str, data: bytes, attributes: Mapping[str, Any]
    ) -> ObjectInfo:
        """Store bytes."""
        with self._remote.send(upstream, "PUT", key, headers=headers_of(attributes), body=data) as reply:
            self._check(bucket, upstream, key, reply)
        return self.head(bucket, upstream, key)

    def _put_parts(
        self, bucket: str, upstream: Upstream, key: str, descriptor: int, size: int, attributes: Mapping[str, Any]
    ) -> None:
        begun = self._remote.send(upstream, "POST", key, query=[("uploads", "")], headers=headers_of(attributes))
        self._check(bucket, upstream, key, begun)
        upload = child(begun.document(), "UploadId")
        try:
            parts = []
            for number, offset in enumerate(range(0, size, _PART), start=1):
                body = file_body(descriptor, offset, min(_PART, size - offset))
                query = [("partNumber", str(number)), ("uploadId", upload)]
                with self._remote.send(upstream, "PUT", key, query=query, body=body) as reply:
                    self._check(bucket, upstream, key, reply)
                    etag = reply.headers["etag"]
                parts.append(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
            document = f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>".encode()
            done = self._remote.send(upstream, "POST", key, query=[("uploadId", upload)], body=document)
            self._check(bucket, upstream, key, done)
            if not child(done.document(), "ETag"):
                raise UpstreamRefused(upstream, "the parts could not be joined")
        except BaseException:
            self._remote.send(upstream, "DELETE", key, query=[("uploadId", upload)]).close()
            raise

    def _asked(self, bucket: str, upstream: Upstream, method: str, key: str, version: str | None) -> Reply:
        query = [] if version is None or version == NULL else [("versionId", version)]
        reply = self._remote.send(upstream, method, key, query=query)
        self._check(bucket, upstream, key, reply)
        return reply

    def _check(self, bucket: str, upstream: Upstream, key: str, reply: Reply) -> None:
        """Raises what an answer that is none of the good ones means."""
        if reply.status < 300:
            return
        code = str(reply.status)
        with reply:
            if body := reply.read():
                code = error_code(body) or code
        if reply.status == 404 and code != "NoSuchBucket":
            raise NoSuchObject(f"{bucket}/{key}")
        raise UpstreamRefused(upstream, code)

    def _tags(self, bucket: str, upstream: Upstream, key: str, version: str | None) -> dict[str, str]:
        query = [("tagging", "")] if version is None else [("tagging", ""), ("versionId", version)]
        reply = self._remote.send(upstream, "GET", key, query=query)
        self._check(bucket, upstream, key, reply)
        found = [each for each in reply.document().iter() if local(each.tag) == "Tag"]
        return {child(tag, "Key"): child(tag, "Value") for tag in found}

    def _info(self, bucket: str, upstream: Upstream, key: str, reply: Reply) -> ObjectInfo:
        given = reply.headers
        attributes: dict[str, Any] = {member: given[name] for member, name in HEADERS.items() if name in given}
        metadata = {n.removeprefix(_METADATA): value for n, value in given.items() if n.startswith(_METADATA)}
        if metadata:
            attributes["Metadata"] = metadata
        modified = parsedate_to_datetime(given["last-modified"]).timestamp() if "last-modified" in given else 0.0
        size, etag = int(given.get("content-length", 0)), given.get("etag", "")
        version = given.get("x-amz-version-id")
        info = self._made(bucket, key, size, etag, modified, attributes, version)
        if given.get("x-amz-tagging-count", "0") == "0":
            return info
        return replace(info, tags=self._tags(bucket, upstream, key, version))

    def _listed(self, bucket: str, entry: Any) -> ObjectInfo:
        key, modified = decoded(child(entry, "Key")), times.parse(child(entry, "LastModified"))
        return self._made(bucket, key, int(child(entry, "Size") or 0), child(entry, "ETag"), modified, {}, None)

    def _made(
        self,
        bucket: str,
        key: str,
        size: int,
        etag: str,
        modified: float,
        attributes: Mapping[str, Any],
        version: str | None,
    ) -> ObjectInfo:
        spec = {"size": size, "etag": etag.strip('"'), "attributes": attributes}
        if version is not None:
            spec["version"] = version
        at = Key(self._account, "", OBJECT, bucket, key)
        return ObjectInfo.of(Record(at, uid="", created=modified, modified=modified, spec=spec))


def headers_of(attributes: Mapping[str, Any]) -> dict[str, str]:
    """What is said of an object, as headers say it."""
    told = {name: str(attributes[member]) for member, name in HEADERS.items() if member in attributes}
    return {**told, **{f"{_METADATA}{name}": value for name, value in attributes.get("Metadata", {}).items()}}


def error_code(body: bytes) -> str:
    """The code in an error's document; '' if it has none."""
    found = re.search(rb"<Code>([^<]{1,100})</Code>", body)
    return found[1].decode("utf-8", "replace") if found else ""
