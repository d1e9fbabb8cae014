"""Buckets that are kept elsewhere, with the other end played by a table."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from xml.etree.ElementTree import Element, fromstring

import pytest

from sagewright.base.ids import RandomIds
from sagewright.dataplane.objects import attached
from sagewright.dataplane.objects.attached import Attached
from sagewright.dataplane.objects.base import Objects
from sagewright.dataplane.objects.remote import Body, Remote, UpstreamRefused
from sagewright.dataplane.objects.upstreams import Upstream, Upstreams
from sagewright.dataplane.objects.values import NoSuchObject, PassedThrough

THERE = Upstream("http://there", "kept", "r", "AKIA", "secret")


class Reply:
    def __init__(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        self._body, self.status = body, status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def read(self, size: int | None = None) -> bytes:
        piece, self._body = self._body[:size], self._body[len(self._body) if size is None else size :]
        return piece

    def pieces(self) -> Iterator[bytes]:
        while piece := self.read(3):
            yield piece

    def document(self) -> Element:
        return fromstring(self._body)

    def close(self) -> None: ...

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_: object) -> None: ...


class There:
    """A bucket elsewhere; remembers what it was asked."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.refuses = ""

    def send(
        self,
        upstream: Upstream,
        method: str,
        key: str = "",
        *,
        query: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | Body = b"",
    ) -> Reply:
        told = dict(query)
        self.asked.append(f"{method} {key}?{','.join(told)}")
        data = body if isinstance(body, bytes) else b"".join(body.pieces)
        if self.refuses:
            return Reply(f"<Error><Code>{self.refuses}</Code></Error>".encode(), 403)
        if method in ("GET", "HEAD") and key:
            if key not in self.objects:
                return Reply(b"", 404)
            found = self.objects[key]
            return Reply(found if method == "GET" else b"", content_length=str(len(found)), etag='"e"')
        if method == "GET":
            return self._page(told)
        if "uploads" in told:
            return Reply(b"<R><UploadId>u</UploadId></R>")
        if "partNumber" in told:
            self.parts[told["partNumber"]] = data
            return Reply(etag=f'"{told["partNumber"]}"')
        if "uploadId" in told:
            numbers = re.findall(rb"<PartNumber>(\d+)</PartNumber>", data)
            self.objects[key] = b"".join(self.parts[number.decode()] for number in numbers)
            return Reply(b"<R><ETag>e</ETag></R>")
        self.objects[key] = data
        return Reply(etag='"e"')

    def _page(self, told: Mapping[str, str]) -> Reply:
        """Two keys at a time at most."""
        keys = sorted(k for k in self.objects if k.startswith(told["prefix"]) and k > told.get("start-after", ""))
        entry = "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>1</Size></Contents>"
        page = keys[: min(2, int(told["max-keys"]))]
        entries = "".join(entry.format(key.replace(" ", "+")) for key in page)
        more = "true" if len(keys) > len(page) else "false"
        return Reply(f"<L xmlns='http://x'><IsTruncated>{more}</IsTruncated>{entries}</L>".encode())


@pytest.fixture
def there() -> There:
    return There()


@pytest.fixture
def kept(there: There, tmp_path: Path) -> Attached:
    return Attached(cast(Remote, there), tmp_path / "fetched", account="1", ids=RandomIds())


def test_what_is_read_as_a_file_goes_with_its_reader(kept: Attached, there: There, tmp_path: Path) -> None:
    there.objects["a"] = b"hello"
    opened = kept.open("b", THERE, "a")
    assert opened.path is not None
    assert (opened.path.read_bytes(), opened.info.size, opened.info.etag) == (b"hello", 5, "e")
    del opened
    gc.collect()
    assert list((tmp_path / "fetched").iterdir()) == []
    (tmp_path / "fetched" / "left").write_bytes(b"by a crash")
    Attached(cast(Remote, there), tmp_path / "fetched", account="1", ids=RandomIds())
    assert list((tmp_path / "fetched").iterdir()) == []


def test_what_is_not_there_and_what_is_refused(kept: Attached, there: There) -> None:
    with pytest.raises(NoSuchObject):
        kept.head("b", THERE, "none")
    there.refuses = "InvalidAccessKeyId"
    with pytest.raises(UpstreamRefused, match="http://there, where bucket kept is kept, refused: InvalidAccessKeyId"):
        kept.page("b", THERE, prefix="", after=None, limit=10)


def test_pages_are_as_long_as_they_are_asked_for(kept: Attached, there: There) -> None:
    there.objects = {f"k {number}": b"x" for number in range(7)}
    page = kept.page("b", THERE, prefix="k", after="k 0", limit=5)
    assert [info.key for info in page] == [f"k {number}" for number in range(1, 6)]
    assert len(kept.page("b", THERE, prefix="k", after=None, limit=1000)) == 7


def test_large_files_go_in_parts(kept: Attached, there: There, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(attached, "_LARGEST", 10)
    monkeypatch.setattr(attached, "_PART", 4)
    path = tmp_path / "file"
    path.write_bytes(b"0123456789ab")
    with path.open("rb") as file:
        assert kept.put("b", THERE, "large", file.fileno(), 12, {"ContentType": "a/b"}).size == 12
    assert there.objects["large"] == b"0123456789ab"
    assert there.asked[:2] == ["POST large?uploads", "PUT large?partNumber,uploadId"]


def test_attachments_are_seen_as_they_come_and_go(tmp_path: Path) -> None:
    seen, writer = Upstreams(tmp_path / "upstreams", make=True, fresh=0.0), Upstreams(tmp_path / "upstreams")
    assert seen.of("b") is None
    writer.attach("b", THERE)
    assert seen.of("b") == THERE
    assert "secret" not in repr(seen.of("b"))
    assert (tmp_path / "upstreams" / "b.json").stat().st_mode & 0o777 == 0o600
    assert writer.detach("b")
    assert seen.of("b") is None
    assert not writer.detach("b")
    assert Upstreams(tmp_path / "none").of("b") is None


def test_nothing_is_written_here_while_a_bucket_is_kept_elsewhere(objects: Objects) -> None:
    objects.put_bytes("bucket", "before", b"x")
    objects.upstreams.attach("bucket", THERE)
    with pytest.raises(PassedThrough):
        objects.delete("bucket", "before")
    objects.upstreams.detach("bucket")
    assert objects.head("bucket", "before").size == 1
