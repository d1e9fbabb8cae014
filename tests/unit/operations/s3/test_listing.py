"""Listings: against a plain model of what S3 lists, and what a page costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.base import Objects
from sagewright.dataplane.objects.values import ObjectInfo

Ask = Callable[..., dict[str, Any]]


def fill(objects: Objects, keys: Sequence[str]) -> None:
    for key in keys:
        objects.put_bytes("bucket", key, b"")


def model(keys: Sequence[str], prefix: str, delimiter: str) -> list[str]:
    """All entries and common prefixes, in order; common prefixes are marked."""
    seen: list[str] = []
    for key in sorted(keys):
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = key if at < 0 else f"{key[: at + len(delimiter)]} (folded)"
        if entry not in seen:
            seen.append(entry)
    return seen


def told(page: dict[str, Any]) -> list[str]:
    keys = [entry["Key"] for entry in page.get("Contents", [])]
    folded = [f"{entry['Prefix']} (folded)" for entry in page.get("CommonPrefixes", [])]
    return sorted([*keys, *folded], key=lambda entry: entry.removesuffix(" (folded)"))


ALPHABET = st.sampled_from("ab/\x01ü\U0001f600\U0010ffff")
KEYS = st.lists(st.text(ALPHABET, min_size=1, max_size=6), max_size=25, unique=True)


@given(
    keys=KEYS,
    prefix=st.text(ALPHABET, max_size=2),
    delimiter=st.sampled_from(["", "/", "a", "ab", "ü"]),
    size=st.integers(1, 6),
    version=st.sampled_from([1, 2]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_join_to_the_whole(
    ask: Ask, objects: Objects, keys: list[str], prefix: str, delimiter: str, size: int, version: int
) -> None:
    objects.delete_many("bucket", [key for key, _, _ in objects.list("bucket")])
    fill(objects, keys)
    found: list[str] = []
    request: dict[str, Any] = {"Bucket": "bucket", "Prefix": prefix, "Delimiter": delimiter, "MaxKeys": size}
    while True:
        page = ask("list_objects_v2" if version == 2 else "list_objects", **request)
        entries = told(page)
        assert len(entries) <= size
        found += entries
        if not page["IsTruncated"]:
            break
        assert len(entries) == size
        if version == 2:
            assert page["KeyCount"] == size
            request["ContinuationToken"] = page["NextContinuationToken"]
        else:
            request["Marker"] = page["NextMarker"] if delimiter else page["Contents"][-1]["Key"]
    assert found == model(keys, prefix, delimiter)


def test_a_page_costs_what_it_shows(ask: Ask, objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(objects, [f"{folder}/{n:04d}" for folder in "abc" for n in range(1200)])
    read = 0
    page = objects.page

    def counting(*args: Any, **more: Any) -> Sequence[ObjectInfo]:
        nonlocal read
        found = page(*args, **more)
        read += len(found)
        return found

    monkeypatch.setattr(objects, "page", counting)
    listed = ask("list_objects_v2", Bucket="bucket", Delimiter="/")
    assert told(listed) == ["a/ (folded)", "b/ (folded)", "c/ (folded)"]
    assert read < 40


def test_the_members_of_an_answer(ask: Ask) -> None:
    ask("put_object", Bucket="bucket", Key="a/1", Body=b"xyz")
    ask("put_object", Bucket="bucket", Key="b", Body=b"", StorageClass="STANDARD_IA")
    listed = ask("list_objects_v2", Bucket="bucket", Delimiter="/", FetchOwner=True, StartAfter="a")
    assert listed.pop("Contents")[0].keys() == {"Key", "LastModified", "ETag", "Size", "StorageClass", "Owner"}
    assert listed == {
        "Name": "bucket",
        "Prefix": "",
        "Delimiter": "/",
        "StartAfter": "a",
        "MaxKeys": 1000,
        "KeyCount": 2,
        "IsTruncated": False,
        "CommonPrefixes": [{"Prefix": "a/"}],
    }
    entry = ask("list_objects_v2", Bucket="bucket", Prefix="a")["Contents"][0]
    assert entry == {
        "Key": "a/1",
        "LastModified": 1_700_000_000,
        "ETag": '"d16fb36f0911f878998c136191af705e"',
        "Size": 3,
        "StorageClass": "STANDARD",
    }


def test_keys_can_be_encoded(ask: Ask) -> None:
    for key in ("a b/1", "a+b", "ü\x01"):
        ask("put_object", Bucket="bucket", Key=key, Body=b"")
    listed = ask("list_objects_v2", Bucket="bucket", Delimiter="/", EncodingType="url", StartAfter="a ")
    assert [entry["Key"] for entry in listed["Contents"]] == ["a%2Bb", "%C3%BC%01"]
    assert listed["CommonPrefixes"] == [{"Prefix": "a%20b/"}]
    assert (listed["EncodingType"], listed["StartAfter"]) == ("url", "a%20")


def test_where_a_listing_begins(ask: Ask, objects: Objects) -> None:
    fill(objects, ["a/", "a/1", "a/2", "b"])
    under = {"Bucket": "bucket", "Prefix": "a/", "Delimiter": "/"}
    assert told(ask("list_objects", **under, Marker="a/")) == ["a/1", "a/2"]
    assert told(ask("list_objects_v2", **under, StartAfter="a/1")) == ["a/2"]
    assert told(ask("list_objects", Bucket="bucket", Marker="a/1")) == ["a/2", "b"]
    assert told(ask("list_objects", Bucket="bucket", Marker="a/", Delimiter="/")) == ["b"]


def test_versions_are_one_each(ask: Ask, objects: Objects) -> None:
    fill(objects, ["a", "b", "c/1"])
    first = ask("list_object_versions", Bucket="bucket", MaxKeys=1)
    assert [(entry["Key"], entry["VersionId"], entry["IsLatest"]) for entry in first["Versions"]] == [
        ("a", "null", True)
    ]
    rest = ask("list_object_versions", Bucket="bucket", KeyMarker=first["NextKeyMarker"], Delimiter="/")
    assert [entry["Key"] for entry in rest["Versions"]] == ["b"]
    assert rest["CommonPrefixes"] == [{"Prefix": "c/"}]


def test_odd_sizes(ask: Ask, objects: Objects) -> None:
    fill(objects, ["a"])
    empty = ask("list_objects_v2", Bucket="bucket", MaxKeys=0)
    assert (empty["IsTruncated"], empty["KeyCount"]) == (False, 0)
    assert ask("list_objects_v2", Bucket="bucket", MaxKeys=5000)["MaxKeys"] == 1000


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"MaxKeys": -1}, "InvalidArgument"),
        ({"ContinuationToken": "nonsense"}, "InvalidArgument"),
        ({"ContinuationToken": "ü"}, "InvalidArgument"),
        ({"EncodingType": "xml"}, "InvalidArgument"),
        ({"Bucket": "none"}, "NoSuchBucket"),
    ],
)
def test_refusals(ask: Ask, request_: dict[str, Any], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        ask("list_objects_v2", **{"Bucket": "bucket", **request_})
    assert caught.value.code == code
