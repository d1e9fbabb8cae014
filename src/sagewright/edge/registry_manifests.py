"""The registry's manifests, tags and lists."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

import orjson

from sagewright.dataplane.images import manifests
from sagewright.dataplane.images.values import OtherDigest
from sagewright.edge.registry_visit import RegistryError, Visit, checked, limit_of, paged
from sagewright.operations.call import Services
from sagewright.operations.ecr.images import referrer
from sagewright.resources.ecr import REPOSITORY, TAG_NAME
from sagewright.resources.record import Record
from sagewright.store.base import Query
from sagewright.wire.http import Response

T = TypeVar("T")


class Manifests:
    """Answers what is asked of manifests. Blocking work runs in `workers`."""

    def __init__(self, services: Services, workers: Executor) -> None:
        self._images, self._store, self._workers = services.images, services.store, workers

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)

    async def get(self, visit: Visit) -> Response:
        await visit.authorize("BatchGetImage")
        digest, tag = _reference(visit)

        def found() -> Record:
            image = self._images.find(visit.repository, digest, tag)
            _check_accepted(visit, image)
            if visit.raw.request.method == "GET":
                self._images.pulled(image)
            return image

        image = await self._do(found)
        return Response(
            200,
            {"content-type": image.spec["mediaType"], **_addressed(image)},
            image.spec["manifest"].encode(),
        )

    async def put(self, visit: Visit) -> Response:
        await visit.authorize("PutImage")
        digest, tag = _reference(visit)
        body = bytearray()
        async for piece in visit.body():
            body += piece
            if len(body) > manifests.LARGEST:
                raise RegistryError("MANIFEST_INVALID", f"It is longer than {manifests.LARGEST} bytes.", 413)

        def kept() -> Record:
            self._images.repository(visit.repository)
            manifest = manifests.read(bytes(body), visit.header("content-type"))
            if digest is not None and digest != manifest.digest:
                raise OtherDigest(digest, manifest.digest)
            return self._images.put(visit.repository, manifest, tag, again=True)

        image = await self._do(kept)
        subject = image.spec.get("subject")
        return Response(
            201,
            {
                "location": f"/v2/{visit.name}/manifests/{image.name}",
                **_addressed(image),
                **({"oci-subject": subject} if subject else {}),
            },
        )

    async def delete(self, visit: Visit) -> Response:
        await visit.authorize("BatchDeleteImage")
        digest, tag = _reference(visit)
        await self._do(lambda: self._images.remove(visit.repository, digest, tag))
        return Response(202)

    async def tags(self, visit: Visit) -> Response:
        await visit.authorize("ListImages")
        limit = limit_of(visit)
        last = visit.query.get("last")
        names = await self._do(lambda: self._images.tags(visit.repository, after=last, limit=limit + 1))
        return paged(visit, names, limit, {"name": visit.name}, "tags")

    async def referrers(self, visit: Visit) -> Response:
        await visit.authorize("ListImageReferrers")
        digest, kind = visit.digest, visit.query.get("artifactType")
        records = await self._do(lambda: self._images.referrers(visit.repository, digest))
        wanted = [record for record in records if kind is None or record.spec.get("artifactType") == kind]
        index = {"schemaVersion": 2, "mediaType": manifests.OCI_INDEX, "manifests": [referrer(each) for each in wanted]}
        filtered = {} if kind is None else {"oci-filters-applied": "artifactType"}
        return Response(200, {"content-type": manifests.OCI_INDEX, **filtered}, orjson.dumps(index))

    async def catalog(self, visit: Visit) -> Response:
        await visit.authorize("DescribeRepositories")
        limit = limit_of(visit)
        last = visit.query.get("last")
        query = Query(visit.principal.account, visit.region, REPOSITORY, name_after=last)
        page = await self._do(lambda: self._store.list(query, limit=limit + 1))
        return paged(visit, [record.name for record in page.records], limit, {}, "repositories")


def _addressed(image: Record) -> dict[str, str]:
    return {"docker-content-digest": image.name, "etag": f'"{image.name}"'}


def _reference(visit: Visit) -> tuple[str | None, str | None]:
    """The digest or the tag that is asked for. Raises RegistryError."""
    if ":" in visit.reference:
        return checked(visit.reference), None
    if not TAG_NAME.fullmatch(visit.reference):
        raise RegistryError("TAG_INVALID", f"{visit.reference[:200]!r} is no tag.", 400)
    return None, visit.reference


def _check_accepted(visit: Visit, image: Record) -> None:
    """Raises RegistryError where the client says what it takes, and this is not among it."""
    accepted = [each.partition(";")[0].strip().lower() for each in visit.header("accept").split(",")]
    kind = image.spec["mediaType"]
    if not any(each in ("", "*/*", "application/*", "application/json", kind) for each in accepted):
        raise RegistryError("MANIFEST_UNKNOWN", f"The manifest is {kind}, which the request does not accept.", 404)
