"""What S3 says no with: its codes, sentences and extra elements, and the one border where our errors become them.

Source of codes and statuses: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.values import (
    BucketNotEmpty,
    NoSuchBucket,
    NoSuchObject,
    NoSuchUpload,
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


def no_such_key(key: str) -> AwsError:
    return AwsError("NoSuchKey", "The specified key does not exist.", status=404, fields={"Key": key})


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
        with in_s3_words():
            expect_owner(call, request)
            return function(call, request)

    return answer


def answering_stream(
    function: Callable[[Call, Params], Awaitable[Params]],
) -> Callable[[Call, Params], Awaitable[Params]]:
    """The same for a coroutine, which reads its body as it comes."""

    @functools.wraps(function)
    async def answer(call: Call, request: Params) -> Params:
        with in_s3_words():
            expect_owner(call, request)
            return await function(call, request)

    return answer


def expect_owner(call: Call, request: Params, member: str = "ExpectedBucketOwner", bucket: str = "") -> None:
    """Refuse when the caller expects another account's bucket; a bucket that is not there comes first."""
    expected = request.get(member)
    objects = call.services.objects
    if expected is not None and expected != objects.account:
        objects.buckets.get(bucket or request["Bucket"])
        raise AwsError("AccessDenied", "Access Denied", status=403)
