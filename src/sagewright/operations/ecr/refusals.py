"""What went wrong with images, in ECR's words."""

from __future__ import annotations

import functools
from collections.abc import Callable

from sagewright.base.errors import AwsError
from sagewright.dataplane.images import values
from sagewright.dataplane.images.values import ImagesError
from sagewright.operations.call import Call, Params

Operation = Callable[[Call, Params], Params]


def answering(operation: Operation) -> Operation:
    """Have an operation on a repository say what went wrong as ECR does."""

    @functools.wraps(operation)
    def answered(call: Call, request: Params) -> Params:
        try:
            return operation(call, request)
        except ImagesError as error:
            raise spelled(error, request.get("repositoryName", ""), call.account) from error

    return answered


def invalid(member: str, why: str) -> AwsError:
    """A member that will not do."""
    return AwsError(
        "InvalidParameterException", f"Invalid parameter at '{member}' failed to satisfy constraint: '{why}'"
    )


def spelled(error: ImagesError, name: str, account: str) -> AwsError:
    """ECR's error for what went wrong in the repository `name`."""
    there = f"the repository with name '{name}' in the registry with id '{account}'"
    match error:
        case values.NoSuchRepository():
            return _error(
                "RepositoryNotFound",
                f"The repository with name '{name}' does not exist in the registry with id '{account}'. Pushing makes "
                f"none: `aws ecr create-repository --repository-name {name}` does.",
            )
        case values.RepositoryExists():
            return _error(
                "RepositoryAlreadyExists",
                f"The repository with name '{name}' already exists in the registry with id '{account}'",
            )
        case values.RepositoryNotEmpty():
            return _error(
                "RepositoryNotEmpty",
                f"The repository with name '{name}' in registry with id '{account}' cannot be deleted because it still "
                "contains images",
            )
        case values.NoSuchImage():
            image = f"{{imageDigest:'{error.digest or 'null'}', imageTag:'{error.tag or 'null'}'}}"
            return _error("ImageNotFound", f"The image with imageId {image} does not exist within {there}")
        case values.ImageExists():
            tag = f" and tag '{error.tag}'" if error.tag is not None else ""
            return _error("ImageAlreadyExists", f"Image with digest '{error.digest}'{tag} already exists in {there}")
        case values.TagFixed():
            why = "tag" if error.alone else "repository"
            return _error(
                "ImageTagAlreadyExists",
                f"The image tag '{error.tag}' already exists in the '{name}' repository and cannot be overwritten "
                f"because the {why} is immutable.",
            )
        case values.NoSuchLayers():
            listed = ", ".join(error.digests)
            return _error(
                "LayersNotFound",
                f"Layers with digests '[{listed}]' required for pushing image into {there} do not exist",
            )
        case values.NoSuchImages():
            listed = ", ".join(error.digests)
            return _error(
                "ReferencedImagesNotFound",
                f"Images with digests '[{listed}]' required for pushing image into {there} do not exist",
            )
        case values.ImageReferenced():
            return _error("InvalidParameter", f"Requested image referenced by manifest list: [{', '.join(error.by)}]")
        case values.BadManifest():
            return invalid("ImageManifest", f"Invalid image manifest provided: {error}")
        case values.OtherDigest():
            return _error(
                "ImageDigestDoesNotMatch",
                f"Image digest '{error.said}' does not match the digest '{error.found}' of the manifest",
            )
        case _:
            return _of_upload(error, name, account)


def _of_upload(error: ImagesError, name: str, account: str) -> AwsError:
    where = f"for the repository with name '{name}' in the registry with id '{account}'"
    match error:
        case values.NoSuchUpload():
            return _error("UploadNotFound", f"There is no upload with id '{error}' {where}. Initiate a new one.")
        case values.UploadBusy():
            return _error("InvalidLayerPart", f"Another part of the upload '{error}' {where} is being received.")
        case values.EmptyUpload():
            return _error("EmptyUpload", f"The upload with id '{error}' {where} has no parts.")
        case values.PartTooSmall():
            return _error(
                "LayerPartTooSmall", "Every part of a layer but the last must have 5 MiB at least. Upload it again."
            )
        case values.WrongDigest():
            return _error(
                "InvalidLayer", f"Layer digest '{error.said}' does not match the digest '{error.found}' of what came"
            )
        case values.LayerExists():
            return _error("LayerAlreadyExists", f"The layer with digest '{error.digest}' already exists {where}")
        case _:
            return _error("InvalidParameter", str(error))


def _error(code: str, message: str) -> AwsError:
    return AwsError(f"{code}Exception", message)
