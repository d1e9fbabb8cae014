"""Listings as boto3 sees them."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

KEYS = sorted(["a/1", "a/2", "a/b/3", "b c/4", "d", "d+e", "d<&>", "ü/ñ", "\x01", "😀"])


def keys(listed: dict[str, Any]) -> list[str]:
    return [entry["Key"] for entry in listed.get("Contents", [])]


def prefixes(listed: dict[str, Any]) -> list[str]:
    return [entry["Prefix"] for entry in listed.get("CommonPrefixes", [])]


@pytest.fixture(scope="module")
def box(s3: Any, unique: Callable[[str], str]) -> str:
    """A bucket with the keys above."""
    name = unique("listing")
    s3.create_bucket(Bucket=name)
    for key in KEYS:
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    return name


def test_keys_are_ordered_by_their_bytes(s3: Any, box: str) -> None:
    assert keys(s3.list_objects_v2(Bucket=box)) == KEYS
    assert keys(s3.list_objects(Bucket=box)) == KEYS


def test_folders(s3: Any, box: str) -> None:
    root = s3.list_objects_v2(Bucket=box, Delimiter="/")
    assert prefixes(root) == ["a/", "b c/", "ü/"]
    assert keys(root) == [key for key in KEYS if "/" not in key]
    assert root["KeyCount"] == len(prefixes(root)) + len(keys(root))
    below = s3.list_objects_v2(Bucket=box, Delimiter="/", Prefix="a/")
    assert (prefixes(below), keys(below)) == (["a/b/"], ["a/1", "a/2"])
    old = s3.list_objects(Bucket=box, Delimiter="/")
    assert (prefixes(old), keys(old)) == (prefixes(root), keys(root))


def test_any_text_delimits(s3: Any, box: str) -> None:
    assert prefixes(s3.list_objects_v2(Bucket=box, Delimiter="+e")) == ["d+e"]
    assert prefixes(s3.list_objects_v2(Bucket=box, Delimiter=" ", Prefix="b")) == ["b "]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_join_to_the_whole(s3: Any, box: str, operation: str, delimiter: str, size: int) -> None:
    request = {"Bucket": box, **({"Delimiter": delimiter} if delimiter else {})}
    pages = list(s3.get_paginator(operation).paginate(**request, PaginationConfig={"PageSize": size}))
    whole = getattr(s3, operation)(**request)
    assert [key for page in pages for key in keys(page)] == keys(whole)
    assert [prefix for page in pages for prefix in prefixes(page)] == prefixes(whole)
    assert all(len(keys(page)) + len(prefixes(page)) == size for page in pages[:-1])


def test_where_a_listing_starts(s3: Any, box: str) -> None:
    assert keys(s3.list_objects_v2(Bucket=box, StartAfter="d")) == [key for key in KEYS if key > "d"]
    assert keys(s3.list_objects(Bucket=box, Marker="d")) == [key for key in KEYS if key > "d"]


def test_what_an_entry_says(s3: Any, box: str) -> None:
    entry = s3.list_objects_v2(Bucket=box, Prefix="d<", FetchOwner=True)["Contents"][0]
    assert (entry["Key"], entry["Size"], entry["StorageClass"]) == ("d<&>", 1, "STANDARD")
    assert entry["ETag"] == '"9dd4e461268c8034f5c8564e155c67a6"'
    assert len(entry["Owner"]["ID"]) == 64
    assert entry["LastModified"] == s3.head_object(Bucket=box, Key="d<&>")["LastModified"]


def test_nothing_is_a_listing_too(s3: Any, box: str) -> None:
    listed = s3.list_objects_v2(Bucket=box, Prefix="none/")
    assert (listed["KeyCount"], listed["IsTruncated"]) == (0, False)
    assert "Contents" not in listed
    assert s3.list_objects_v2(Bucket=box, MaxKeys=0)["IsTruncated"] is False


def test_versions(s3: Any, box: str) -> None:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=box, PaginationConfig={"PageSize": 3})
    entries = [entry for page in pages for entry in page["Versions"]]
    assert [entry["Key"] for entry in entries] == KEYS
    assert {(entry["VersionId"], entry["IsLatest"]) for entry in entries} == {("null", True)}


def test_refusals(s3: Any, box: str) -> None:
    for more, code in (
        ({"Bucket": f"{box}-none"}, "NoSuchBucket"),
        ({"MaxKeys": -1}, "InvalidArgument"),
        ({"ContinuationToken": "nonsense"}, "InvalidArgument"),
    ):
        with pytest.raises(ClientError) as caught:
            s3.list_objects_v2(**{"Bucket": box, **more})
        assert caught.value.response["Error"]["Code"] == code
