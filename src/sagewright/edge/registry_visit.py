"""One request to the registry: who asks for what, whether he may, and how a refusal reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from sagewright.base.errors import AwsError, SagewrightError
from sagewright.dataplane.images import values
from sagewright.dataplane.images.values import ImagesError, Repository
from sagewright.edge.chain import Raw, on_behalf
from sagewright.operations.call import Principal, Services
from sagewright.operations.ecr.refusals import spelled
from sagewright.resources.ecr import DIGEST
from sagewright.wire.http import Response


class RegistryError(SagewrightError):
    """A refusal in the words of the distribution specification."""

    def __init__(self, code: str, message: str, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
        self.headers: Mapping[str, str] = headers or {}


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, once it is known who asks."""

    services: Services
    raw: Raw
    principal: Principal
    region: str
    name: str
    """The repository's."""
    reference: str
    """What of it: a tag, a digest, an upload."""
    query: Mapping[str, str]

    @property
    def repository(self) -> Repository:
        return Repository(self.region, self.name)

    @property
    def digest(self) -> str:
        """The reference, which must be a digest."""
        return checked(self.reference)

    def header(self, name: str) -> str:
        """A header of the request; '' for none."""
        return self.raw.request.headers.get(name, "")

    async def authorize(self, *operations: str, name: str | None = None) -> None:
        """Raises AwsError unless the caller may do all of these operations of ECR on the repository."""
        for operation in operations:
            call = on_behalf(self.raw, self.services, self.principal, self.region, service="ecr", operation=operation)
            repository = self.name if name is None else name
            await self.services.gate.authorize(call, {"repositoryName": repository} if repository else {})

    async def may(self, *operations: str, name: str | None = None) -> bool:
        """Whether the caller might."""
        try:
            await self.authorize(*operations, name=name)
        except AwsError:
            return False
        return True

    async def body(self) -> AsyncIterator[bytes]:
        """The request's body, piece by piece. Raises RegistryError where it breaks off."""
        more = True
        while more:
            message = await self.raw.receive()
            if message["type"] == "http.disconnect":
                raise RegistryError("SIZE_INVALID", "The connection was closed before the body had arrived.", 400)
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]


def checked(digest: str) -> str:
    """A digest. Raises RegistryError for anything else."""
    if not DIGEST.fullmatch(digest):
        raise RegistryError("DIGEST_INVALID", f"{digest[:200]!r} is no sha256 digest.", 400)
    return digest


def paged(visit: Visit, names: list[str], limit: int, member: Mapping[str, Any], what: str) -> Response:
    """A page of names, and where the next one is. `names` holds one more than the page if there is a next."""
    headers = {"content-type": "application/json"}
    if limit and len(names) > limit:
        path = visit.raw.request.path
        headers["link"] = f'<{path}?last={names[limit - 1]}&n={limit}>; rel="next"'
    return Response(200, headers, orjson.dumps({**member, what: names[:limit]}))


def limit_of(visit: Visit) -> int:
    """How many names a page shall have. Raises RegistryError."""
    text = visit.query.get("n", str(_PAGE))
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise RegistryError("PAGINATION_NUMBER_INVALID", "n must be a number that is not negative.", 400)
    return min(int(text), _PAGE)


_PAGE: Final = 1000

# What the specification calls it, and how it is answered.
_CODES: Final[Mapping[type[ImagesError], tuple[str, int]]] = {
    values.NoSuchRepository: ("NAME_UNKNOWN", 404),
    values.NoSuchImage: ("MANIFEST_UNKNOWN", 404),
    values.TagDiffers: ("MANIFEST_UNKNOWN", 404),
    values.TagFixed: ("TAG_INVALID", 400),
    values.BadManifest: ("MANIFEST_INVALID", 400),
    values.OtherDigest: ("DIGEST_INVALID", 400),
    values.NoSuchLayers: ("MANIFEST_BLOB_UNKNOWN", 400),
    values.NoSuchImages: ("MANIFEST_BLOB_UNKNOWN", 400),
    values.ImageReferenced: ("DENIED", 409),
    values.NoSuchUpload: ("BLOB_UPLOAD_UNKNOWN", 404),
    values.UploadBusy: ("BLOB_UPLOAD_INVALID", 409),
    values.OutOfOrder: ("BLOB_UPLOAD_INVALID", 416),
    values.WrongDigest: ("DIGEST_INVALID", 400),
}


def refused(error: AwsError | ImagesError | RegistryError, name: str, account: str) -> Response:
    """The specification's form of an error."""
    headers = {"content-type": "application/json"}
    if isinstance(error, RegistryError):
        code, status, message = error.code, error.status, error.message
        headers.update(error.headers)
    elif isinstance(error, ImagesError):
        code, status = _CODES.get(type(error), ("UNSUPPORTED", 400))
        message = spelled(error, name, account).message
        if isinstance(error, values.OutOfOrder):
            message = f"The next byte of the upload is {error.received}."
            headers["range"] = f"0-{max(error.received - 1, 0)}"
    else:
        denied = "AccessDenied" in error.code or error.status == 403
        code, status, message = ("DENIED", 403, error.message) if denied else ("UNSUPPORTED", 400, error.message)
    return Response(status, headers, orjson.dumps({"errors": [{"code": code, "message": message}]}))
