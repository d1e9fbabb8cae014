"""What S3 says no with: its codes, sentences and extra elements, and the one border where our errors become them.

Source of codes and statuses: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.values import (
    BucketNotEmpty,
    Deleted,
    NoSuchBucket,
    NoSuchObject,
    NoSuchUpload,
    NoSuchVersion,
    ObjectInfo,
    TooMuch,
)
from sagewright.operations.call import Call, Params


def invalid_argument(message: str, name: str, value: object) -> AwsError:
    """A member has a value that it cannot have."""
    return AwsError("InvalidArgument", message, fields={"ArgumentName": name, "ArgumentValue": str(value)})


def invalid_request(message: str) -> AwsError:
    """Members that do not go together, and much else."""
    return AwsError("InvalidRequest", message)


def malformed_xml() -> AwsError:
    """The document reads, but does not say what it must."""
    return AwsError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def no_such_bucket(name: str) -> AwsError:
    return AwsError("NoSuchBucket", "The specified bucket does not exist", status=404, fields={"BucketName": name})


def no_such_key(key: str, headers: Mapping[str, str] | None = None) -> AwsError:
    return AwsError("NoSuchKey", "The specified key does not exist.", status=404, fields={"Key": key}, headers=headers)


def _marked(marker: ObjectInfo) -> dict[str, str]:
    """What is said of a delete marker that is in the way."""
    return {"x-amz-delete-marker": "true", "x-amz-version-id": marker.version}


def is_marker(marker: ObjectInfo) -> AwsError:
    """A version was named that is a delete marker: there is nothing to read, tag or lock."""
    return AwsError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        status=405,
        fields={"ResourceType": "DeleteMarker"},
        headers={**_marked(marker), "Allow": "DELETE", "Last-Modified": http_date(marker.modified)},
    )


def http_date(moment: float) -> str:
    """Epoch seconds as HTTP writes them."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def not_built(what: str) -> AwsError:
    """`what` completes "Sagewright does not … yet"; behind a colon it may say what to do instead."""
    what, colon, instead = what.partition(": ")
    return AwsError("NotImplemented", f"Sagewright does not {what} yet{colon}{instead}. Nothing was changed.")


def access_denied(why: str = "") -> AwsError:
    return AwsError("AccessDenied", f"Access Denied{why}", status=403)


def no_such_upload(upload_id: str) -> AwsError:
    return AwsError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
        status=404,
        fields={"UploadId": upload_id},
    )


def precondition_failed(condition: str) -> AwsError:
    """`condition` is the header that did not hold."""
    return AwsError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        status=412,
        fields={"Condition": condition},
    )


def entity_too_large(size: int, limit: int) -> AwsError:
    return AwsError(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        fields={"ProposedSize": size, "MaxSizeAllowed": limit},
    )


@contextmanager
def in_s3_words() -> Iterator[None]:
    """Turns what objects raise into what a client reads."""
    try:
        yield
    except NoSuchBucket as error:
        raise no_such_bucket(error.name) from error
    except Deleted as error:
        raise no_such_key(error.marker.key, headers=_marked(error.marker)) from error
    except NoSuchVersion as error:
        raise AwsError(
            "NoSuchVersion",
            "The specified version does not exist.",
            status=404,
            fields={"Key": error.name.partition("/")[2], "VersionId": error.version},
        ) from error
    except NoSuchObject as error:
        raise no_such_key(error.name.partition("/")[2]) from error
    except NoSuchUpload as error:
        raise no_such_upload(error.name) from error
    except BucketNotEmpty as error:
        raise AwsError(
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty",
            status=409,
            fields={"BucketName": error.name},
        ) from error
    except TooMuch as error:
        raise entity_too_large(error.limit + 1, error.limit) from error


def answering(function: Callable[[Call, Params], Params]) -> Callable[[Call, Params], Params]:
    """What every operation on a bucket begins and ends with: its owner is the expected one; errors are S3's."""

    @functools.wraps(function)
    def answer(call: Call, request: Params) -> Params:
        with hiding(call, request), in_s3_words():
            expect_owner(call, request)
            return function(call, request)

    return answer


def answering_stream(
    function: Callable[[Call, Params], Awaitable[Params]],
) -> Callable[[Call, Params], Awaitable[Params]]:
    """The same for a coroutine, which reads its body as it comes."""

    @functools.wraps(function)
    async def answer(call: Call, request: Params) -> Params:
        with hiding(call, request), in_s3_words():
            expect_owner(call, request)
            return await function(call, request)

    return answer


_LISTED_BY = {"NoSuchKey": "s3:ListBucket", "NoSuchVersion": "s3:ListBucketVersions"}


@contextmanager
def hiding(call: Call, request: Params) -> Iterator[None]:
    """Who may not list a bucket does not learn which keys are not in it."""
    try:
        yield
    except AwsError as error:
        action = _LISTED_BY.get(error.code)
        if action is None:
            raise
        source = request.get("CopySource", "")
        named = source.get("Bucket", "") if isinstance(source, Mapping) else source.removeprefix("/").partition("/")[0]
        if call.services.gate.allows(call, action, f"arn:aws:s3:::{named or request['Bucket']}"):
            raise
        raise access_denied() from None


def expect_owner(call: Call, request: Params, member: str = "ExpectedBucketOwner", bucket: str = "") -> None:
    """Refuse when the caller expects another account's bucket; a bucket that is not there comes first."""
    expected = request.get(member)
    objects = call.services.objects
    if expected is not None and expected != objects.account:
        objects.buckets.get(bucket or request["Bucket"])
        raise access_denied()
