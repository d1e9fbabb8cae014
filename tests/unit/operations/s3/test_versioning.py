"""Versions through S3's functions: what answers say of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sagewright.base.errors import AwsError

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def versioned(ask: Ask) -> None:
    ask("put_bucket_versioning", Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})


def refused(ask: Ask, name: str, **request: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        ask(name, Bucket="bucket", **request)
    return caught.value


def test_an_empty_version_id_is_none(ask: Ask) -> None:
    assert refused(ask, "get_object", Key="k", VersionId="").code == "InvalidArgument"


def test_listing_pages_end_between_versions_of_a_key(ask: Ask) -> None:
    ids = [ask("put_object", Bucket="bucket", Key="k", Body=body)["VersionId"] for body in (b"1", b"2", b"3")]
    first = ask("list_object_versions", Bucket="bucket", MaxKeys=1)
    assert (first["NextKeyMarker"], first["NextVersionIdMarker"]) == ("k", ids[2])
    second = ask("list_object_versions", Bucket="bucket", KeyMarker="k", VersionIdMarker=ids[2])
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in second["Versions"]] == [
        (ids[1], False),
        (ids[0], False),
    ]
    assert "Versions" not in ask("list_object_versions", Bucket="bucket", KeyMarker="k")
    assert refused(ask, "list_object_versions", VersionIdMarker=ids[0]).code == "InvalidArgument"


def test_listing_goes_on_behind_the_null_version(ask: Ask) -> None:
    suspended = {"Status": "Suspended"}
    ask("put_object", Bucket="bucket", Key="k", Body=b"1")
    ask("put_bucket_versioning", Bucket="bucket", VersioningConfiguration=suspended)
    ask("put_object", Bucket="bucket", Key="k", Body=b"2")
    ask("put_object", Bucket="bucket", Key="l", Body=b"2")
    rest = ask("list_object_versions", Bucket="bucket", KeyMarker="k", VersionIdMarker="null")
    assert [entry["Key"] for entry in rest["Versions"]] == ["k", "l"]


def test_a_delete_that_names_no_version_tells_its_marker(ask: Ask) -> None:
    answer = ask("delete_object", Bucket="bucket", Key="none")
    assert answer["DeleteMarker"] is True
    error = refused(ask, "get_object", Key="none")
    assert (error.code, error.headers["x-amz-version-id"]) == ("NoSuchKey", answer["VersionId"])
    error = refused(ask, "get_object_tagging", Key="none", VersionId=answer["VersionId"])
    assert (error.code, error.headers["Allow"]) == ("MethodNotAllowed", "DELETE")


def test_deletes_by_a_second_factor_are_refused(ask: Ask) -> None:
    assert refused(ask, "delete_object", Key="k", MFA="1 2").code == "NotImplemented"
    assert refused(ask, "put_bucket_versioning", VersioningConfiguration={}).code.startswith("Illegal")
