"""What S3 does on AWS and not here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_METADATA_TABLES: Final = "keep tables of objects' metadata: list the bucket instead"
_ANNOTATIONS: Final = "annotate objects: tag them instead"
_ABAC: Final = "switch authorization by tags on and off for a bucket: tags in conditions always count"


def unbuilt() -> Mapping[str, str]:
    """By operation: completes "Sagewright does not … yet"."""
    return {
        "CreateBucketMetadataConfiguration": _METADATA_TABLES,
        "CreateBucketMetadataTableConfiguration": _METADATA_TABLES,
        "CreateSession": "make directory buckets: use a general purpose bucket, which needs no session",
        "DeleteBucketMetadataConfiguration": _METADATA_TABLES,
        "DeleteBucketMetadataTableConfiguration": _METADATA_TABLES,
        "DeleteObjectAnnotation": _ANNOTATIONS,
        "GetBucketAbac": _ABAC,
        "GetBucketMetadataConfiguration": _METADATA_TABLES,
        "GetBucketMetadataTableConfiguration": _METADATA_TABLES,
        "GetObjectAnnotation": _ANNOTATIONS,
        "GetObjectTorrent": "share objects by BitTorrent: get the object, or presign its address",
        "ListObjectAnnotations": _ANNOTATIONS,
        "PutBucketAbac": _ABAC,
        "PutBucketLifecycle": "take the oldest form of lifecycle rules: put them with PutBucketLifecycleConfiguration",
        "PutBucketNotification": "take the oldest form of notifications: use PutBucketNotificationConfiguration",
        "PutObjectAnnotation": _ANNOTATIONS,
        "RenameObject": "rename objects in place: copy the object, then delete it",
        "RestoreObject": "take anything off to an archive, so there is nothing to restore: read the object as it is",
        "SelectObjectContent": "query inside objects: get the object and filter it where it is read",
        "UpdateBucketMetadataAnnotationTableConfiguration": _METADATA_TABLES,
        "UpdateBucketMetadataInventoryTableConfiguration": _METADATA_TABLES,
        "UpdateBucketMetadataJournalTableConfiguration": _METADATA_TABLES,
        "UpdateObjectEncryption": "change an object's encryption in place: copy the object onto itself",
        "WriteGetObjectResponse": "run functions while an object is read (Object Lambda)",
    }
