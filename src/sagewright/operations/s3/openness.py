"""What a bucket says of who may reach it, for whoever decides that: its policy and its public access block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sagewright.dataplane.objects.base import Objects
from sagewright.operations.call import Params


@dataclass(frozen=True, slots=True)
class PublicAccessBlock:
    """What stays closed, whatever policies and access lists say."""

    block_acls: bool = False
    """Public access lists are refused when they are set."""
    ignore_acls: bool = False
    """Public access lists count for nothing."""
    block_policy: bool = False
    """Public policies are refused when they are set."""
    restrict_buckets: bool = False
    """A public policy opens the bucket to its own account and to services only."""


def bucket_policy(objects: Objects, bucket: str) -> str | None:
    """A bucket's policy as it was put; None if it has none. Raises NoSuchBucket (of `dataplane.objects.values`)."""
    policy: str | None = objects.buckets.get(bucket).settings.get("Policy")
    return policy


def public_access_block(objects: Objects, bucket: str) -> PublicAccessBlock:
    """A bucket's public access block. Raises NoSuchBucket."""
    said = objects.buckets.get(bucket).settings.get("PublicAccessBlock", {})
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return PublicAccessBlock(*(bool(said.get(name)) for name in names))


def bucket_grants(objects: Objects, bucket: str) -> Sequence[Params] | None:
    """A bucket's access list, as a document lists it; None if only its owner has access. Raises NoSuchBucket."""
    grants: Sequence[Params] | None = objects.buckets.get(bucket).settings.get("Acl")
    return grants
