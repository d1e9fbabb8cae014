"""Images by the API: manifests in and out, what there is, what goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.images import manifests
from sagewright.dataplane.images.values import (
    ImageReferenced,
    NoSuchImage,
    OtherDigest,
    Repository,
    TagDiffers,
)
from sagewright.operations.call import Call, Params
from sagewright.operations.ecr.common import named, page, repository_of
from sagewright.operations.ecr.refusals import answering, invalid
from sagewright.operations.table import Operations
from sagewright.resources.ecr import DIGEST, TAG_NAME
from sagewright.resources.record import Record

operations = Operations()

_MOST: Final = 100
"""Images in one request."""


@operations
@answering
def put_image(call: Call, request: Params) -> Params:
    repository, tag = repository_of(call, request), request.get("imageTag")
    if tag is not None and not TAG_NAME.fullmatch(tag):
        raise invalid("imageTag", f"{tag[:200]} is no tag")
    manifest = manifests.read(request["imageManifest"].encode(), request.get("imageManifestMediaType"))
    said = request.get("imageDigest", manifest.digest)
    if said != manifest.digest:
        raise OtherDigest(said, manifest.digest)
    image = call.services.images.put(repository, manifest, tag)
    return {"image": _whole(call, request, image, tag)}


def _whole(call: Call, request: Params, image: Record, tag: str | None) -> Params:
    return {
        **named(call, request),
        "imageId": _id(image.name, tag),
        "imageManifest": image.spec["manifest"],
        "imageManifestMediaType": image.spec["mediaType"],
    }


def _id(digest: str | None, tag: str | None) -> Params:
    members = {"imageDigest": digest, "imageTag": tag}
    return {member: value for member, value in members.items() if value is not None}


@operations
@answering
def batch_get_image(call: Call, request: Params) -> Params:
    repository, images = repository_of(call, request), call.services.images
    images.repository(repository)
    accepted = request.get("acceptedMediaTypes")
    found, failures = [], []
    for wanted in _ids(request):
        try:
            image = _find(call, repository, wanted)
        except NoSuchImage as error:
            failures.append(_failure(wanted, error))
            continue
        except AwsError as error:
            failures.append({"imageId": wanted, "failureCode": error.code, "failureReason": error.message})
            continue
        if accepted and image.spec["mediaType"] not in accepted:
            failures.append(_not_accepted(wanted, image))
            continue
        images.pulled(image)
        found.append(_whole(call, request, image, wanted.get("imageTag")))
    return {"images": found, "failures": failures}


def _not_accepted(wanted: Params, image: Record) -> Params:
    return {
        "imageId": wanted,
        "failureCode": "ImageNotFound",
        "failureReason": f"The image is {image.spec['mediaType']}, which is not among the accepted media types",
    }


def _ids(request: Params) -> list[Params]:
    ids: list[Params] = request["imageIds"]
    if len(ids) > _MOST:
        raise invalid("imageIds", f"one request may name {_MOST} images")
    return ids


def _find(call: Call, repository: Repository, wanted: Params) -> Record:
    """Raises NoSuchImage; AwsError, with a failure's code and reason, for what names no image at all."""
    digest, tag = wanted.get("imageDigest"), wanted.get("imageTag")
    if digest is None and tag is None:
        raise AwsError("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
    if digest is not None and not DIGEST.fullmatch(digest):
        raise AwsError("InvalidImageDigest", "Invalid request parameters: image digest should satisfy the regex "
                       f"'{DIGEST.pattern}'")  # fmt: skip
    if tag is not None and not TAG_NAME.fullmatch(tag):
        raise AwsError("InvalidImageTag", "Invalid request parameters: image tag should satisfy the regex "
                       f"'{TAG_NAME.pattern}'")  # fmt: skip
    return call.services.images.find(repository, digest, tag)


def _failure(wanted: Params, error: NoSuchImage) -> Params:
    if isinstance(error, TagDiffers):
        code, reason = "ImageTagDoesNotMatchDigest", "Requested image tag does not match the requested digest"
    else:
        code, reason = "ImageNotFound", "Requested image not found"
    return {"imageId": wanted, "failureCode": code, "failureReason": reason}


@operations
@answering
def batch_delete_image(call: Call, request: Params) -> Params:
    repository, images = repository_of(call, request), call.services.images
    images.repository(repository)
    deleted, failures = [], []
    for wanted in sorted(_ids(request), key=lambda each: not _is_index(call, repository, each)):
        try:
            _find(call, repository, wanted)
            gone = images.remove(repository, wanted.get("imageDigest"), wanted.get("imageTag"))
            deleted += [_id(digest, tag) for digest, tag in gone]
        except NoSuchImage as error:
            failures.append(_failure(wanted, error))
        except ImageReferenced as error:
            reason = f"Requested image referenced by manifest list: [{', '.join(error.by)}]"
            failures.append(
                {"imageId": wanted, "failureCode": "ImageReferencedByManifestList", "failureReason": reason}
            )
        except AwsError as error:
            failures.append({"imageId": wanted, "failureCode": error.code, "failureReason": error.message})
    return {"imageIds": deleted, "failures": failures}


def _is_index(call: Call, repository: Repository, wanted: Params) -> bool:
    """Indices go before the images that they name."""
    try:
        return bool(_find(call, repository, wanted).spec["images"])
    except (NoSuchImage, AwsError):
        return False


# Lists.


@operations
@answering
def list_images(call: Call, request: Params) -> Params:
    repository = repository_of(call, request)

    def beyond(position: str | None) -> Iterator[tuple[str, str]]:
        digest, _, tag = (position or "").partition("\n")
        for image in _from(call, repository, digest, request):
            for each in image.spec["tags"] or [""]:
                if image.name != digest or each > tag:
                    yield image.name, each

    images = call.services.images
    images.repository(repository)
    found, more = page(request, beyond, "\n".join)
    return {"imageIds": [_id(digest, tag or None) for digest, tag in found], **more}


def _from(call: Call, repository: Repository, digest: str, request: Params) -> Iterable[Record]:
    """The images from a digest on that a filter lets through."""
    if digest:
        first = call.store.get(call.services.images.key_of(repository, digest))
        if first is not None and _wanted(first, request):
            yield first
    for image in call.services.images.all(repository, after=digest or None):
        if _wanted(image, request):
            yield image


def _wanted(image: Record, request: Params) -> bool:
    asked = request.get("filter", {})
    if asked.get("imageStatus", "ACTIVE") not in ("ACTIVE", "ANY"):
        return False
    status: str = asked.get("tagStatus", "ANY")
    return status == "ANY" or (status == "TAGGED") == bool(image.spec["tags"])


@operations
@answering
def describe_images(call: Call, request: Params) -> Params:
    repository, images = repository_of(call, request), call.services.images
    images.repository(repository)
    if "imageIds" in request:
        if "nextToken" in request or "maxResults" in request:
            raise invalid("imageIds", "images and pages cannot be asked for together")
        found = {image.name: image for image in (_described(call, repository, each) for each in _ids(request))}
        return {"imageDetails": [_detail(call, request, image) for image in found.values()]}

    def beyond(position: str | None) -> Iterator[Record]:
        return (image for image in images.all(repository, after=position) if _wanted(image, request))

    records, more = page(request, beyond, lambda image: image.name)
    return {"imageDetails": [_detail(call, request, image) for image in records], **more}


def _described(call: Call, repository: Repository, wanted: Params) -> Record:
    try:
        return _find(call, repository, wanted)
    except AwsError as error:
        raise invalid("imageIds", error.message) from None


def _detail(call: Call, request: Params, image: Record) -> Params:
    spec = image.spec
    members: dict[str, Any] = {
        "imageTags": spec["tags"] or None,
        "artifactMediaType": spec.get("artifactType"),
        "subjectManifestDigest": spec.get("subject"),
        "lastRecordedPullTime": spec.get("pulled"),
    }
    return {
        **named(call, request),
        "imageDigest": image.name,
        "imageSizeInBytes": spec["size"],
        "imagePushedAt": image.created,
        "imageManifestMediaType": spec["mediaType"],
        "imageStatus": "ACTIVE",
        **{member: value for member, value in members.items() if value is not None},
    }


@operations
@answering
def list_image_referrers(call: Call, request: Params) -> Params:
    repository, asked = repository_of(call, request), request.get("filter", {})
    records = call.services.images.referrers(repository, request["subjectId"]["imageDigest"])
    if asked.get("artifactStatus", "ACTIVE") not in ("ACTIVE", "ANY"):
        records = []
    kinds = asked.get("artifactTypes")
    wanted = [record for record in records if not kinds or record.spec.get("artifactType") in kinds]
    found, more = page(
        request,
        lambda position: (record for record in wanted if position is None or record.name > position),
        lambda record: record.name,
        default=50,
    )
    return {"referrers": [{**referrer(record), "artifactStatus": "ACTIVE"} for record in found], **more}


def referrer(image: Record) -> Params:
    """An image that is about another one, as a descriptor."""
    described = {"artifactType": image.spec.get("artifactType"), "annotations": image.spec.get("annotations")}
    return {
        "digest": image.name,
        "mediaType": image.spec["mediaType"],
        "size": len(image.spec["manifest"].encode()),
        **{member: value for member, value in described.items() if value is not None},
    }
