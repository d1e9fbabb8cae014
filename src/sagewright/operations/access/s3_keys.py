"""S3's condition keys.

Keys: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sagewright.operations.access import tags
from sagewright.operations.access.request import Request, Source, Sources, Values

# Members whose value is the key's.
_MEMBERS: Final[Mapping[str, str]] = {
    "s3:prefix": "Prefix",
    "s3:delimiter": "Delimiter",
    "s3:max-keys": "MaxKeys",
    "s3:versionid": "VersionId",
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-copy-source": "CopySource",
    "s3:x-amz-grant-full-control": "GrantFullControl",
    "s3:x-amz-grant-read": "GrantRead",
    "s3:x-amz-grant-read-acp": "GrantReadACP",
    "s3:x-amz-grant-write": "GrantWrite",
    "s3:x-amz-grant-write-acp": "GrantWriteACP",
    "s3:x-amz-metadata-directive": "MetadataDirective",
    "s3:x-amz-object-ownership": "ObjectOwnership",
    "s3:x-amz-server-side-encryption": "ServerSideEncryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "s3:x-amz-storage-class": "StorageClass",
    "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "s3:object-lock-mode": "ObjectLockMode",
    "s3:object-lock-legal-hold": "ObjectLockLegalHoldStatus",
    "s3:object-lock-retain-until-date": "ObjectLockRetainUntilDate",
    "s3:if-match": "IfMatch",
    "s3:if-none-match": "IfNoneMatch",
    "s3:locationconstraint": "CreateBucketConfiguration.LocationConstraint",
}


def _member(path: str) -> Source:
    outer, dot, inner = path.partition(".")

    def read(request: Request, _: str) -> Values:
        value: Any = request.params.get(outer)
        if dot and isinstance(value, Mapping):
            value = value.get(inner)
        return None if value is None else [str(value)]

    return read


def _given_tags(request: Request) -> Mapping[str, str]:
    """Tags that a request puts on an object: in a header, or as a document."""
    given = request.params.get("Tagging")
    return tags.brought(given) if isinstance(given, Mapping) else tags.of_header(given)


def _auth_type(request: Request, _: str) -> Values:
    if request.call.principal.kind == "anonymous":
        return None
    if request.call.posted:
        return ["POST"]
    return ["REST-QUERY-STRING" if request.call.presigned else "REST-HEADER"]


def _content_hash(request: Request, _: str) -> Values:
    value = request.call.headers.get("x-amz-content-sha256")
    return None if value is None else [value]


SOURCES: Final[Sources] = {
    **{key: _member(path) for key, path in _MEMBERS.items()},
    "s3:authtype": _auth_type,
    "s3:x-amz-content-sha256": _content_hash,
    "s3:resourceaccount": lambda request, _: [request.call.account],
    "s3:existingobjecttag/": lambda request, key: tags.one(tags.of_object(request.call, request.params), key),
    "s3:requestobjecttag/": lambda request, key: tags.one(_given_tags(request), key),
    "s3:requestobjecttagkeys": lambda request, _: [*_given_tags(request)] or None,
}
