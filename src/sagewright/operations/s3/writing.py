"""What a new version is written with, from the request and from its bucket: the same for put, copy and upload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagewright.dataplane.objects.buckets import Bucket
from sagewright.operations.call import Call, Params
from sagewright.operations.s3 import acls, attributes, encryption, locks


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a version beside its bytes."""

    attributes: dict[str, Any]
    """For good."""
    kept: dict[str, Any]
    """Until it is said anew: lock and access list."""


def said(call: Call, request: Params, bucket: Bucket, content: dict[str, Any]) -> Said:
    """`content` are the attributes that speak of the bytes: the request's, or those of a copy's source."""
    return Said(
        {**content, **attributes.of_storage(request), **encryption.of_write(request, bucket)},
        {
            **locks.of_write(call, request, bucket),
            **acls.of_write(request, bucket, call.services.objects.account),
        },
    )
