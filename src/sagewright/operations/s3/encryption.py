"""Encryption as S3 speaks of it: asked for by the request or by the bucket's default, remembered, told again.

The disk is not ours to encrypt. Keys that requests carry are checked by their MD5 and never kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.forms import add_delete, add_get, store
from sagewright.operations.s3.refusals import (
    access_denied,
    answering,
    invalid_argument,
    invalid_request,
    malformed_xml,
)
from sagewright.operations.table import Operations

operations = Operations()

_ALGORITHMS: Final = ("AES256", "aws:kms", "aws:kms:dsse")
_NAMES: Final[Sequence[str]] = (
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "SSEKMSEncryptionContext",
    "BucketKeyEnabled",
    "SSECustomerAlgorithm",
    "SSECustomerKeyMD5",
)
_KEY_SIZE: Final = 32


def told(attributes: Mapping[str, Any]) -> Params:
    """What answers say of an object's encryption."""
    return {name: attributes[name] for name in _NAMES if name in attributes}


def of_write(request: Params, bucket: Bucket) -> dict[str, Any]:
    """What a writer asks for, or else its bucket. Raises InvalidArgument and InvalidEncryptionAlgorithmError."""
    customer = customer_key(request)
    algorithm = request.get("ServerSideEncryption")
    rule = _rule(bucket)
    if customer:
        if algorithm is not None:
            raise invalid_argument(
                "Server Side Encryption with Customer provided key is incompatible with the encryption method "
                "specified",
                "x-amz-server-side-encryption",
                algorithm,
            )
        if "SSE-C" in (rule.get("BlockedEncryptionTypes") or {}).get("EncryptionType", []):
            raise access_denied(": the bucket's encryption settings block keys that requests carry (SSE-C).")
        return customer
    given = {name: request[name] for name in _NAMES if name in request}
    if algorithm is None:
        if "SSEKMSKeyId" in given:
            raise invalid_argument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : "
                "aws:kms",
                "x-amz-server-side-encryption",
                "null",
            )
        return {**_default(rule), **given} if _default(rule) else {}
    if algorithm not in _ALGORITHMS:
        raise AwsError(
            "InvalidEncryptionAlgorithmError",
            f"The encryption request you specified is not valid. Supported values: {', '.join(_ALGORITHMS)}.",
        )
    if algorithm == "AES256" and "SSEKMSKeyId" in given:
        raise invalid_argument(
            "x-amz-server-side-encryption-aws-kms-key-id is not applicable with x-amz-server-side-encryption : AES256",
            "x-amz-server-side-encryption-aws-kms-key-id",
            given["SSEKMSKeyId"],
        )
    return given


def _rule(bucket: Bucket) -> Params:
    rules: list[Params] = bucket.settings.get("Encryption", {}).get("Rules", [])
    return rules[0] if rules else {}


def _default(rule: Params) -> dict[str, Any]:
    """What objects get whose writer does not say."""
    default = rule.get("ApplyServerSideEncryptionByDefault")
    if default is None:
        return {}
    said: dict[str, Any] = {"ServerSideEncryption": default["SSEAlgorithm"]}
    if default.get("KMSMasterKeyID"):
        said["SSEKMSKeyId"] = default["KMSMasterKeyID"]
    if rule.get("BucketKeyEnabled") and default["SSEAlgorithm"] == "aws:kms":
        said["BucketKeyEnabled"] = True
    return said


def customer_key(request: Params, prefix: str = "") -> dict[str, Any]:
    """The algorithm, and the MD5 of the key that a request carries, once it has been checked; {} if it has none."""
    names = [f"{prefix}SSECustomer{part}" for part in ("Algorithm", "Key", "KeyMD5")]
    algorithm, key, digest = (request.get(name) for name in names)
    if algorithm is key is digest is None:
        return {}
    if algorithm is None or key is None or digest is None:
        raise invalid_argument(
            "Requests specifying Server Side Encryption with Customer provided keys must provide the algorithm, an "
            "appropriate secret key and the MD5 of it.",
            "x-amz-server-side-encryption",
            "null",
        )
    if algorithm != "AES256":
        raise AwsError(
            "InvalidEncryptionAlgorithmError",
            "The encryption request you specified is not valid. With a key of one's own, AES256 is the only algorithm.",
        )
    raw = _decoded(key)
    if raw is None or len(raw) != _KEY_SIZE:
        raise invalid_argument(
            "The secret key was invalid for the specified algorithm.",
            "x-amz-server-side-encryption-customer-key",
            "(not repeated)",
        )
    if base64.b64encode(hashlib.md5(raw, usedforsecurity=False).digest()).decode() != digest:
        raise invalid_argument(
            "The calculated MD5 hash of the key did not match the hash that was provided.",
            "x-amz-server-side-encryption-customer-key-MD5",
            digest,
        )
    return {"SSECustomerAlgorithm": algorithm, "SSECustomerKeyMD5": digest}


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def check_reader(request: Params, attributes: Mapping[str, Any], prefix: str = "") -> None:
    """An object that was written with a key of its writer's is read with the same key, all others without one."""
    given, wanted = customer_key(request, prefix), attributes.get("SSECustomerKeyMD5")
    if wanted is None:
        if given:
            raise invalid_request("The encryption parameters are not applicable to this object.")
    elif not given:
        raise invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided "
            "to retrieve the object."
        )
    elif given["SSECustomerKeyMD5"] != wanted:
        raise access_denied(": this is not the key that the object was stored with.")


# The bucket's default.


@operations
@answering
def put_bucket_encryption(call: Call, request: Params) -> Params:
    configuration = request["ServerSideEncryptionConfiguration"]
    rules = configuration["Rules"]
    if len(rules) != 1:
        raise malformed_xml()
    default = rules[0].get("ApplyServerSideEncryptionByDefault")
    if default is not None:
        algorithm = default["SSEAlgorithm"]
        if algorithm not in _ALGORITHMS:
            raise malformed_xml()
        if algorithm == "AES256" and "KMSMasterKeyID" in default:
            raise invalid_argument(
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
                "ApplyServerSideEncryptionByDefault",
                algorithm,
            )
    return store(call, request, "Encryption", configuration)


add_get(
    operations,
    "get_bucket_encryption",
    "Encryption",
    member="ServerSideEncryptionConfiguration",
    absent=(
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
    ),
)
add_delete(operations, "delete_bucket_encryption", "Encryption")
