"""The registry's blobs: layers out, layers in."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from typing import Any, Final, TypeVar

from sagewright.dataplane.images.uploads import Writing
from sagewright.dataplane.images.values import Layer, NoSuchLayers, Repository
from sagewright.edge.registry_visit import RegistryError, Visit, checked
from sagewright.operations.call import Services
from sagewright.operations.ecr.registry import blobs_are_mounted
from sagewright.resources.ecr import NAME
from sagewright.wire.http import Response

T = TypeVar("T")
_BATCH: Final = 1 << 20
"""Bytes handed to a worker at a time."""


class Blobs:
    """Answers what is asked of blobs. Blocking work runs in `workers`."""

    def __init__(self, services: Services, workers: Executor) -> None:
        self._services, self._images, self._workers = services, services.images, workers

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)

    # Out.

    async def head(self, visit: Visit) -> Response:
        # Who pushes asks what is there; who pulls might.
        if not await visit.may("GetDownloadUrlForLayer"):
            await visit.authorize("BatchCheckLayerAvailability")
        layer = await self._do(lambda: self._found(visit, self._images.layers.promise))
        return Response(200, {**_described(layer), "content-length": str(layer.size)})

    def _found(self, visit: Visit, find: Callable[[Repository, str], Layer | None]) -> Layer:
        self._images.repository(visit.repository)
        layer = find(visit.repository, visit.digest)
        if layer is None:
            raise _unknown(visit)
        return layer

    async def get(self, visit: Visit) -> Response:
        await visit.authorize("GetDownloadUrlForLayer")

        def opened() -> tuple[Layer, int]:
            layer = self._found(visit, self._images.layers.find)
            try:
                return layer, os.open(layer.path, os.O_RDONLY)
            except FileNotFoundError:  # it went just now
                raise _unknown(visit) from None

        layer, descriptor = await self._do(opened)
        content = _File(descriptor)
        start, end = _range(visit.header("range"), layer.size)
        headers = {**_described(layer), "content-length": str(end - start)}
        if start >= layer.size and layer.size:
            raise RegistryError(
                "RANGE_INVALID", "The range lies beyond the end.", 416, {"content-range": f"bytes */{layer.size}"}
            )
        if end - start < layer.size:
            headers["content-range"] = f"bytes {start}-{end - 1}/{layer.size}"
            return Response(206, headers, content.pieces(start, end))
        return Response(200, headers, content.pieces(start, end))

    # In.

    async def begin(self, visit: Visit) -> Response:
        await visit.authorize("InitiateLayerUpload")
        mount, source = visit.query.get("mount"), visit.query.get("from")
        if mount is not None and await self._mounted(visit, checked(mount), source):
            return _made(visit, mount)
        digest = visit.query.get("digest")
        if digest is not None:
            checked(digest)
            await visit.authorize("UploadLayerPart", "CompleteLayerUpload")
        upload = await self._do(lambda: self._images.uploads.begin(visit.repository))
        if digest is None:
            return _going_on(visit, upload, 0)
        try:
            await self._write(visit, upload, digest, first=None)
        except BaseException:
            self._workers.submit(self._give_up, visit.repository, upload)
            raise
        return _made(visit, digest)

    async def _mounted(self, visit: Visit, digest: str, source: str | None) -> bool:
        """Whether the layer could be taken from another repository; if not, the client uploads it."""
        if source is None or not NAME.fullmatch(source):
            return False
        allowed = await visit.may("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", name=source)
        if not allowed:
            return False

        def mounted() -> bool:
            if not blobs_are_mounted(self._services.store, visit.principal.account, visit.region):
                return False
            self._images.repository(visit.repository)
            try:
                self._images.mount(Repository(visit.region, source), visit.repository, digest)
            except NoSuchLayers:
                return False
            return True

        return await self._do(mounted)

    async def status(self, visit: Visit) -> Response:
        await visit.authorize("UploadLayerPart")
        received = await self._do(lambda: self._images.uploads.received(visit.repository, visit.reference))
        return Response(204, _progress(visit, visit.reference, received))

    async def append(self, visit: Visit) -> Response:
        await visit.authorize("UploadLayerPart")
        received = await self._write(visit, visit.reference, None, first=_first(visit))
        return _going_on(visit, visit.reference, received)

    async def complete(self, visit: Visit) -> Response:
        await visit.authorize("UploadLayerPart", "CompleteLayerUpload")
        digest = checked(visit.query.get("digest", ""))
        await self._write(visit, visit.reference, digest, first=_first(visit))
        return _made(visit, digest)

    async def abort(self, visit: Visit) -> Response:
        await visit.authorize("UploadLayerPart")

        def aborted() -> None:
            writing = self._images.uploads.writing(visit.repository, visit.reference)
            try:
                writing.abort()
            finally:
                writing.close()

        await self._do(aborted)
        return Response(204)

    async def _write(self, visit: Visit, upload: str, digest: str | None, *, first: int | None) -> int:
        """Append the request's body; with a digest, that was all. Returns how many bytes are there.

        While a worker hashes and writes one batch the next is being read; no more than two are in memory.
        """
        loop = asyncio.get_running_loop()
        writing = await self._do(lambda: self._images.uploads.writing(visit.repository, upload))
        job: Future[Any] = Future()
        job.set_result(None)
        try:
            if first is not None:
                writing.expect(first)
            batch: list[bytes] = []
            held = 0
            async for piece in visit.body():
                batch.append(piece)
                held += len(piece)
                if held >= _BATCH:
                    await asyncio.wrap_future(job, loop=loop)
                    job = self._workers.submit(writing.write, batch)
                    batch, held = [], 0
            await asyncio.wrap_future(job, loop=loop)
            job = self._workers.submit(_ended, writing, batch, digest)
            received: int = await asyncio.wrap_future(job, loop=loop)
        finally:
            if job.done():
                writing.close()
            else:
                # Cancelled: nobody may close the file under a worker that writes to it.
                self._workers.submit(_closed, writing, job)
        return received

    def _give_up(self, repository: Repository, upload: str) -> None:
        """Drop the upload of a push in one request that failed."""
        writing = self._images.uploads.writing(repository, upload)
        try:
            writing.abort()
        finally:
            writing.close()


def _ended(writing: Writing, batch: list[bytes], digest: str | None) -> int:
    if batch:
        writing.write(batch)
    return writing.commit() if digest is None else writing.complete(digest)


def _closed(writing: Writing, job: Future[Any]) -> None:
    wait_for([job])
    writing.close()


class _File:
    """An open file, which closes when nobody reads it any more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __del__(self) -> None:
        os.close(self._descriptor)

    async def pieces(self, start: int, end: int) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        while start < end:
            piece = await loop.run_in_executor(None, os.pread, self._descriptor, min(_BATCH, end - start), start)
            if not piece:
                return
            start += len(piece)
            yield piece


def _unknown(visit: Visit) -> RegistryError:
    return RegistryError("BLOB_UNKNOWN", f"The repository {visit.name} has no layer {visit.reference}.", 404)


def _described(layer: Layer) -> dict[str, str]:
    return {
        "content-type": "application/octet-stream",
        "docker-content-digest": layer.digest,
        "etag": f'"{layer.digest}"',
        "accept-ranges": "bytes",
    }


def _range(header: str, size: int) -> tuple[int, int]:
    """The bytes that are asked for, from and up to; all of them where the header says nothing that can be read."""
    found = re.fullmatch(r"bytes=(\d{0,19})-(\d{0,19})", header.strip())
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        return max(size - int(found[2]), 0), size
    start, end = int(found[1]), int(found[2]) + 1 if found[2] else size
    return (0, size) if end <= start < size else (start, max(start, min(end, size)))


def _first(visit: Visit) -> int | None:
    """The first byte of a chunk, where it says."""
    header = visit.header("content-range")
    if not header:
        return None
    found = re.fullmatch(r"(?:bytes )?(\d{1,19})-(\d{1,19})(?:/.*)?", header.strip())
    if found is None:
        raise RegistryError("BLOB_UPLOAD_INVALID", f"Content-Range cannot be read: {header[:200]!r}", 400)
    return int(found[1])


def _progress(visit: Visit, upload: str, received: int) -> dict[str, str]:
    return {
        "location": f"/v2/{visit.name}/blobs/uploads/{upload}",
        "range": f"0-{max(received - 1, 0)}",
        "docker-upload-uuid": upload,
    }


def _going_on(visit: Visit, upload: str, received: int) -> Response:
    return Response(202, _progress(visit, upload, received))


def _made(visit: Visit, digest: str) -> Response:
    location = f"/v2/{visit.name}/blobs/{digest}"
    return Response(201, {"location": location, "docker-content-digest": digest})
