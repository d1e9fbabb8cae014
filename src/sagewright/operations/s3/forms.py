"""The get and delete forms of a bucket's settings, which are the same for all of them."""

from __future__ import annotations

from typing import Any

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.refusals import answering
from sagewright.operations.table import Operations


def store(call: Call, request: Params, setting: str, value: Any) -> Params:
    """Set a setting, None taking it away; the empty answer."""
    call.services.objects.buckets.configure(request["Bucket"], lambda _: {setting: value})
    return {}


def add_get(
    operations: Operations, name: str, setting: str, *, member: str = "", absent: tuple[str, str] | None = None
) -> None:
    """An operation that answers with a setting as one member, or as the whole answer; `absent` is the code and the
    sentence when there is none (None: an empty answer)."""

    def get(call: Call, request: Params) -> Params:
        bucket = call.services.objects.buckets.get(request["Bucket"])
        value = bucket.settings.get(setting)
        if value is None and absent is not None:
            code, sentence = absent
            raise AwsError(code, sentence, status=404, fields={"BucketName": bucket.name})
        if value is None:
            return {}
        return {member: value} if member else dict(value)

    operations.add(name, answering(get))


def add_delete(operations: Operations, name: str, setting: str) -> None:
    """An operation that takes a setting away; it is no error if there is none."""
    operations.add(name, answering(lambda call, request: store(call, request, setting, None)))
