"""Encryption as it is asked for and told again."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from sagewright.base.errors import AwsError

Ask = Callable[..., dict[str, Any]]
KEY = b"k" * 32


def own(key: bytes = KEY, **more: str) -> dict[str, str]:
    return {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": base64.b64encode(key).decode(),
        "SSECustomerKeyMD5": base64.b64encode(hashlib.md5(key).digest()).decode(),
        **more,
    }


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"SSECustomerAlgorithm": "AES256"}, "InvalidArgument"),
        (own(b"short"), "InvalidArgument"),
        (own(SSECustomerKeyMD5="AAAA"), "InvalidArgument"),
        (own(SSECustomerKey="!!"), "InvalidArgument"),
        (own(SSECustomerAlgorithm="DES"), "InvalidEncryptionAlgorithmError"),
        (own(ServerSideEncryption="AES256"), "InvalidArgument"),
        ({"ServerSideEncryption": "rot13"}, "InvalidEncryptionAlgorithmError"),
        ({"SSEKMSKeyId": "alias/a"}, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "alias/a"}, "InvalidArgument"),
    ],
)
def test_what_cannot_be_asked_for(ask: Ask, request_: dict[str, Any], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        ask("put_object", Bucket="bucket", Key="k", Body=b"x", **request_)
    assert caught.value.code == code
    assert "kkkk" not in caught.value.message


def test_a_bucket_may_block_keys_that_requests_carry(ask: Ask) -> None:
    rule = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    ask("put_bucket_encryption", Bucket="bucket", ServerSideEncryptionConfiguration={"Rules": [rule]})
    with pytest.raises(AwsError, match="SSE-C"):
        ask("put_object", Bucket="bucket", Key="k", Body=b"x", **own())
    assert "ServerSideEncryption" not in ask("put_object", Bucket="bucket", Key="k", Body=b"x")


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{}, {}],
        [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "rot13"}}],
        [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "a"}}],
    ],
)
def test_defaults_that_are_none(ask: Ask, rules: list[Any]) -> None:
    with pytest.raises(AwsError) as caught:
        ask("put_bucket_encryption", Bucket="bucket", ServerSideEncryptionConfiguration={"Rules": rules})
    assert caught.value.code in ("MalformedXML", "InvalidArgument")


def test_an_upload_takes_the_default_of_the_moment_it_begins(ask: Ask) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms:dsse", "KMSMasterKeyID": "alias/a"}}
    ask("put_bucket_encryption", Bucket="bucket", ServerSideEncryptionConfiguration={"Rules": [rule]})
    begun = ask("create_multipart_upload", Bucket="bucket", Key="k")
    assert (begun["ServerSideEncryption"], begun["SSEKMSKeyId"]) == ("aws:kms:dsse", "alias/a")
    ask("delete_bucket_encryption", Bucket="bucket")
    named = {"Bucket": "bucket", "Key": "k", "UploadId": begun["UploadId"]}
    part = ask("upload_part", **named, PartNumber=1, Body=b"x")
    assert part["ServerSideEncryption"] == "aws:kms:dsse"
    done = ask(
        "complete_multipart_upload", **named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    assert done["SSEKMSKeyId"] == "alias/a"
