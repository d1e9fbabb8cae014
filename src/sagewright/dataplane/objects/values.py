"""What objects are told in: plain values, and the errors drawn as one tree.

ObjectsError
├── NoSuchBucket     the bucket is not there
├── NoSuchObject     the bucket is there, the key is not
│   └── Deleted      what stands at the key is a delete marker
├── NoSuchVersion    the key has no such version
├── NoSuchUpload     the multi-part upload is not there, or was completed or aborted
├── BucketExists     a bucket of that name is there
├── BucketNotEmpty   it still holds objects
├── PassedThrough    the bucket's objects are kept elsewhere
└── TooMuch          a stream went on beyond the limit it was given
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sagewright.base.errors import SagewrightError
from sagewright.dataplane.objects.places import key_of
from sagewright.resources.record import Record

INLINE_LIMIT = 4096
"""Objects of up to so many bytes are kept in their record: it saves a file and two fsyncs, half the time of a put."""


class ObjectsError(SagewrightError):
    """Something is not there, or in the way. `name` is the bucket, `bucket/key` or upload id in question."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{type(self).__name__}: {name}")
        self.name = name


class NoSuchBucket(ObjectsError):
    """The bucket is not there."""


class NoSuchObject(ObjectsError):
    """The bucket is there, the key is not."""


class Deleted(NoSuchObject):
    """What stands at the key is a delete marker."""

    def __init__(self, name: str, marker: ObjectInfo) -> None:
        super().__init__(name)
        self.marker = marker


class NoSuchVersion(ObjectsError):
    """The key has no such version."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(name)
        self.version = version


class NoSuchUpload(ObjectsError):
    """The multi-part upload is not there, or was completed or aborted."""


class BucketExists(ObjectsError):
    """A bucket of that name is there."""


class BucketNotEmpty(ObjectsError):
    """The bucket still holds objects."""


class PassedThrough(ObjectsError):
    """The bucket's objects are kept elsewhere: this is not done to them from here."""


class TooMuch(ObjectsError):
    """A stream went on beyond the limit it was given."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


class Watcher(Protocol):
    """Sees every byte of a stream in order, in a worker thread: a checksum, a counter."""

    def update(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that are safe on disk (or small enough for a record), but that no object names yet.

    Give it to `put`, or whatever writes the record that it was made for, which takes it over; or to `discard`.
    """

    size: int
    md5: str
    """Of all bytes, in hexadecimal."""
    data: bytes | None = None
    blob: str | None = None
    """The blob's id; exactly one of `data` and `blob` is there."""

    def as_spec(self) -> dict[str, Any]:
        """How a record names these bytes."""
        if self.data is not None:
            return {"size": self.size, "data": base64.b64encode(self.data).decode()}
        return {"size": self.size, "blob": self.blob}


def decoded(spec: Mapping[str, Any]) -> bytes:
    """The bytes that a record holds itself (see `Content.as_spec`)."""
    return base64.b64decode(spec["data"])


NULL = "null"
"""The version that an object has which was put while its bucket did not version."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """A version of an object without its bytes; or a delete marker, which has none."""

    bucket: str
    key: str
    size: int
    """Bytes."""
    etag: str
    """Changes with the bytes; without quotes."""
    modified: float
    """Epoch seconds of the last write of its bytes."""
    attributes: Mapping[str, Any]
    """What the writer said of it; kept, never interpreted here."""
    tags: Mapping[str, str]
    record: Record = field(repr=False)
    version: str = NULL
    marker: bool = False

    @classmethod
    def of(cls, record: Record) -> ObjectInfo:
        spec = record.spec
        return cls(
            bucket=record.key.parent,
            key=key_of(record),
            size=spec["size"],
            etag=spec["etag"],
            modified=record.modified,
            attributes=spec["attributes"],
            tags=record.tags,
            record=record,
            version=spec.get("version", NULL),
            marker="marker" in spec,
        )

    @property
    def kept(self) -> Mapping[str, Any]:
        """What was said of this version since it was written, and can be said anew: its lock, its access list."""
        kept: Mapping[str, Any] = self.record.status
        return kept

    @property
    def blob(self) -> str | None:
        """The id of its blob; None when its bytes are in the record."""
        blob: str | None = self.record.spec.get("blob")
        return blob

    @property
    def data(self) -> bytes:
        """Its bytes, when they are in the record."""
        return decoded(self.record.spec)


class Pin:
    """Keeps a blob from being removed for as long as somebody refers to this value."""

    __slots__ = ("__weakref__", "blob")

    def __init__(self, blob: str) -> None:
        self.blob = blob


@dataclass(frozen=True, slots=True)
class Opened:
    """An object to read. Its file stays while `pin` is held, even if the object is overwritten or deleted."""

    info: ObjectInfo
    path: Path | None
    """The file that holds exactly its bytes; None when `info.data` does."""
    pin: Pin | None


@dataclass(frozen=True, slots=True)
class Stored:
    """An object, and where its bytes are at this moment: in `path`, or in `data`. Neither: at another endpoint."""

    key: str
    size: int
    """Bytes."""
    path: Path | None = None
    """A file that holds exactly its bytes and never changes. It goes when the object is overwritten or deleted: link it
    at once. Nobody may write to it."""
    data: bytes | None = None
    modified: float | None = None
    """In epoch seconds, where that is known."""


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/key` as (bucket, key); the key may be empty. Raises ValueError for anything else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"{uri!r} is not an address of the form s3://bucket/key")
    return bucket, key
