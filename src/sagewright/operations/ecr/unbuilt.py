"""What ECR does on AWS and not here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_WHAT: Final[Mapping[str, tuple[str, ...]]] = {
    "scan images: run a scanner on what you pull": (
        "StartImageScan", "DescribeImageScanFindings",
    ),
    "replicate images: there is one registry in each region": (
        "PutReplicationConfiguration", "DescribeImageReplicationStatus", "StartReplicationBackfill",
        "StopReplicationBackfill", "DescribeReplicationBackfillResults",
    ),
    "pull images through from other registries: pull them there and push them here": (
        "CreatePullThroughCacheRule", "UpdatePullThroughCacheRule", "DeletePullThroughCacheRule",
        "ValidatePullThroughCacheRule",
    ),
    "create repositories by themselves, for which templates are: use CreateRepository": (
        "CreateRepositoryCreationTemplate", "UpdateRepositoryCreationTemplate", "DeleteRepositoryCreationTemplate",
    ),
    "sign images: push signatures made by a signing tool, which ListImageReferrers then shows": (
        "PutSigningConfiguration", "DeleteSigningConfiguration", "DescribeImageSigningStatus",
    ),
    "archive images": ("UpdateImageStorageClass",),
    "leave out pulls when it notes the last one": (
        "RegisterPullTimeUpdateExclusion", "DeregisterPullTimeUpdateExclusion",
    ),
}  # fmt: skip


def unbuilt() -> Mapping[str, str]:
    """By operation: completes "Sagewright does not … yet"."""
    return {operation: what for what, operations in _WHAT.items() for operation in operations}
