"""Access lists: what requests may say, and where they count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.s3.acls import of_request
from sagewright.operations.s3.owners import own_grant, owner

Ask = Callable[..., dict[str, Any]]
ACCOUNT = "123456789012"
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
ME = owner(ACCOUNT)


def granted(**request: Any) -> list[tuple[str, str]]:
    grants = of_request(request, ACCOUNT) or []
    return [(grant["Grantee"].get("URI", grant["Grantee"].get("ID")), grant["Permission"]) for grant in grants]


def test_the_three_ways_to_say_it() -> None:
    mine = (ME["ID"], "FULL_CONTROL")
    assert of_request({}, ACCOUNT) is None
    assert granted(ACL="public-read") == [mine, (EVERYBODY, "READ")]
    assert granted(GrantRead=f'uri="{EVERYBODY}", id={ME["ID"]}', GrantWriteACP=f"ID={ME['ID']}") == [
        (EVERYBODY, "READ"),
        (ME["ID"], "READ"),
        (ME["ID"], "WRITE_ACP"),
    ]
    assert granted(AccessControlPolicy={"Owner": ME, "Grants": [own_grant(ACCOUNT)]}) == [mine]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ACL": "private", "GrantRead": "id=a"}, "InvalidRequest"),
        ({"ACL": "private", "AccessControlPolicy": {}}, "UnexpectedContent"),
        ({"ACL": "aws-exec-read"}, "InvalidArgument"),
        ({"GrantRead": "whoever"}, "InvalidArgument"),
        ({"GrantRead": "id=short"}, "InvalidArgument"),
        ({"GrantRead": "uri=http://nobody"}, "InvalidArgument"),
        ({"GrantRead": "emailAddress=a@b"}, "UnresolvableGrantByEmailAddress"),
        ({"AccessControlPolicy": {"Owner": {"ID": "0" * 64}}}, "AccessDenied"),
        ({"AccessControlPolicy": {"Grants": [{"Permission": "READ"}]}}, "MalformedXML"),
        ({"AccessControlPolicy": {"Grants": [{"Grantee": {"Type": "Group"}, "Permission": "READ"}]}}, "MalformedXML"),
        ({"AccessControlPolicy": {"Grants": [{"Grantee": {"Type": "X", "ID": "0" * 64}}]}}, "MalformedXML"),
        ({"AccessControlPolicy": {"Grants": [own_grant(ACCOUNT)] * 101}}, "MalformedXML"),
    ],
)
def test_what_cannot_be_said(request_: dict[str, Any], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        of_request(request_, ACCOUNT)
    assert caught.value.code == code


def test_something_has_to_be_said(ask: Ask) -> None:
    controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    ask("put_bucket_ownership_controls", Bucket="bucket", OwnershipControls=controls)
    ask("put_object", Bucket="bucket", Key="k", Body=b"")
    for name, more in (("put_bucket_acl", {}), ("put_object_acl", {"Key": "k"})):
        with pytest.raises(AwsError) as caught:
            ask(name, Bucket="bucket", **more)
        assert caught.value.code == "MissingSecurityHeader"


def test_a_bucket_may_be_made_with_a_list(ask: Ask) -> None:
    grant = {"GrantRead": 'uri="http://acs.amazonaws.com/groups/s3/LogDelivery"'}
    ask("create_bucket", Bucket="logs", ObjectOwnership="ObjectWriter", **grant)
    assert ask("get_bucket_acl", Bucket="logs")["Grants"][0]["Permission"] == "READ"


def test_a_new_version_has_a_list_of_its_own(ask: Ask) -> None:
    ask(
        "put_bucket_ownership_controls",
        Bucket="bucket",
        OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
    )
    logs = {"GrantRead": 'uri="http://acs.amazonaws.com/groups/s3/LogDelivery"'}
    ask("put_object", Bucket="bucket", Key="k", Body=b"", **logs)
    ask("copy_object", Bucket="bucket", Key="copy", CopySource="bucket/k")
    assert len(ask("get_object_acl", Bucket="bucket", Key="k")["Grants"]) == 1
    assert ask("get_object_acl", Bucket="bucket", Key="copy")["Grants"] == [own_grant(ACCOUNT)]
    upload = ask("create_multipart_upload", Bucket="bucket", Key="parts", **logs)["UploadId"]
    named = {"Bucket": "bucket", "Key": "parts", "UploadId": upload}
    etag = ask("upload_part", **named, PartNumber=1, Body=b"x")["ETag"]
    ask("complete_multipart_upload", **named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert ask("get_object_acl", Bucket="bucket", Key="parts")["Grants"][0]["Permission"] == "READ"
