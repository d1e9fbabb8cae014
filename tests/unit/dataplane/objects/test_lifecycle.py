"""Lifecycle rules: what is due, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sagewright.dataplane.objects.base import Objects
from sagewright.dataplane.objects.expiry import sweep
from sagewright.dataplane.objects.lifecycle import (
    DAY,
    Action,
    Rule,
    Seen,
    due,
    due_upload,
    enabled,
    expiry,
    midnight_after,
)
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.resources.record import Record

DAWN = datetime(2026, 1, 15, 10, 30, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 1, 16, tzinfo=UTC).timestamp()
LOG = Seen("logs/a", size=200_000, modified=DAWN, tags={"kind": "log"})


def rule(**spec: Any) -> Rule:
    return Rule.of({"ID": "r", "Status": "Enabled", "Filter": {}, **spec})


def done(seen: Seen, now: float, *rules: Rule) -> str | None:
    action = due(rules, seen, now)
    return None if action is None else f"{action.kind} {action.storage_class}".strip()


def test_days_end_at_midnight() -> None:
    assert midnight_after(DAWN, 3) == MIDNIGHT + 3 * DAY
    assert midnight_after(MIDNIGHT, 1) == MIDNIGHT + DAY
    one = rule(Expiration={"Days": 1})
    assert done(LOG, MIDNIGHT + DAY - 1, one) is None
    assert done(LOG, MIDNIGHT + DAY, one) == "expire"


def test_a_date_counts_from_its_midnight() -> None:
    dated = rule(Expiration={"Date": MIDNIGHT})
    assert (done(LOG, MIDNIGHT - 1, dated), done(LOG, MIDNIGHT, dated)) == (None, "expire")


@pytest.mark.parametrize(
    ("filters", "takes"),
    [
        ({}, True),
        ({"Prefix": "logs/"}, True),
        ({"Prefix": "other/"}, False),
        ({"Tag": {"Key": "kind", "Value": "log"}}, True),
        ({"Tag": {"Key": "kind", "Value": "model"}}, False),
        ({"ObjectSizeGreaterThan": 200_000}, False),
        ({"ObjectSizeLessThan": 200_001}, True),
        ({"And": {"Prefix": "logs/", "Tags": [{"Key": "kind", "Value": "log"}], "ObjectSizeGreaterThan": 1}}, True),
        ({"And": {"Prefix": "logs/", "Tags": [{"Key": "kind", "Value": "log"}, {"Key": "b", "Value": ""}]}}, False),
    ],
)
def test_filters(filters: dict[str, Any], takes: bool) -> None:
    assert (done(LOG, MIDNIGHT + DAY, rule(Filter=filters, Expiration={"Days": 1})) == "expire") == takes


def test_noncurrent_versions_count_from_their_successor_and_some_may_stay() -> None:
    kept = rule(NoncurrentVersionExpiration={"NoncurrentDays": 2, "NewerNoncurrentVersions": 1})
    old = replace(LOG, noncurrent_since=DAWN + DAY, newer=1, alone=False)
    assert done(old, MIDNIGHT + 2 * DAY, kept) is None
    assert done(old, MIDNIGHT + 3 * DAY, kept) == "remove"
    assert done(replace(old, newer=0), MIDNIGHT + 9 * DAY, kept) is None
    assert done(LOG, MIDNIGHT + 9 * DAY, kept) is None


def test_delete_markers_go_when_they_hide_nothing() -> None:
    marker = Seen("logs/a", size=0, modified=DAWN, tags={}, marker=True)
    asked, aged = rule(Expiration={"ExpiredObjectDeleteMarker": True}), rule(Expiration={"Days": 1})
    assert done(marker, DAWN, asked) == "remove"
    assert (done(marker, DAWN, aged), done(marker, MIDNIGHT + DAY, aged)) == (None, "remove")
    assert done(replace(marker, alone=False), MIDNIGHT + 9 * DAY, asked, aged) is None


def test_transitions_lead_to_the_coldest_class_that_is_due() -> None:
    steps = [{"Days": 1, "StorageClass": "GLACIER_IR"}, {"Days": 5, "StorageClass": "DEEP_ARCHIVE"}]
    cold = rule(Transitions=steps)
    assert done(LOG, MIDNIGHT + DAY, cold) == "transition GLACIER_IR"
    assert done(LOG, MIDNIGHT + 5 * DAY, cold) == "transition DEEP_ARCHIVE"
    assert done(replace(LOG, storage_class="DEEP_ARCHIVE"), MIDNIGHT + 9 * DAY, cold) is None
    small = replace(LOG, size=1000)
    assert done(small, MIDNIGHT + 9 * DAY, cold) is None
    assert done(small, MIDNIGHT + DAY, rule(Transitions=steps, Filter={"ObjectSizeGreaterThan": 10})) is not None
    old = replace(LOG, noncurrent_since=DAWN)
    moved = rule(NoncurrentVersionTransitions=[{"NoncurrentDays": 1, "StorageClass": "GLACIER"}])
    assert done(old, MIDNIGHT + DAY, moved) == "transition GLACIER"


def test_uploads_and_announcements() -> None:
    abort = rule(Filter={"Prefix": "up/"}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})
    assert due_upload([abort], "up/a", DAWN, MIDNIGHT + DAY)
    assert not due_upload([abort], "up/a", DAWN, MIDNIGHT)
    assert not due_upload([abort], "other", DAWN, MIDNIGHT + 9 * DAY)
    rules = [rule(ID="late", Expiration={"Days": 9}), rule(ID="soon", Expiration={"Days": 2})]
    assert expiry(rules, LOG) == (MIDNIGHT + 2 * DAY, "soon")
    assert expiry([abort], LOG) is None
    assert enabled({"Rules": [{"ID": "off", "Status": "Disabled", "Prefix": ""}]}) == []


@pytest.fixture
def ruled(objects: Objects) -> Callable[..., None]:
    """Give the bucket rules."""

    def set_rules(*rules: dict[str, Any], versioning: str | None = None) -> None:
        made = [{"ID": str(number), "Status": "Enabled", **rule} for number, rule in enumerate(rules)]
        objects.buckets.configure("bucket", lambda _: {"Lifecycle": {"Rules": made}, "Versioning": versioning})

    return set_rules


def swept(objects: Objects, now: float, locked: Callable[[ObjectInfo], bool] = lambda _: False) -> dict[str, int]:
    told: list[str] = []
    bucket = objects.buckets.get("bucket")

    def tell(_bucket: object, _info: object, action: Action, _what: object) -> Sequence[Record]:
        told.append(action.kind)
        return ()

    found = sweep(objects, bucket, now=now, locked=locked, tell=tell)
    assert len(told) == sum(found.values()) - found["abort"]
    return {kind: count for kind, count in found.items() if count}


def test_a_sweep_does_what_is_due_and_no_more(objects: Objects, ruled: Callable[..., None], clock: Any) -> None:
    clock.time = DAWN
    for key in ("logs/1", "logs/2", "data/1"):
        objects.put_bytes("bucket", key, b"x" * 9000)
    objects.begin_upload("bucket", "logs/up")
    ruled(
        {"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 1}},
        {"Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
    )
    assert swept(objects, MIDNIGHT) == {}
    assert swept(objects, MIDNIGHT + DAY) == {"expire": 2, "abort": 1}
    assert swept(objects, MIDNIGHT + DAY) == {}
    assert [key for key, _, _ in objects.list("bucket")] == ["data/1"]


def test_a_sweep_of_versions_ends_with_nothing(objects: Objects, ruled: Callable[..., None], clock: Any) -> None:
    ruled(
        {"Prefix": "", "Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
        versioning="Enabled",
    )
    clock.time = DAWN
    for data in (b"1", b"2", b"3"):
        objects.put_bytes("bucket", "k", data)
    clock.time = MIDNIGHT + DAY
    assert swept(objects, clock.time) == {"expire": 1, "remove": 2}
    clock.time += 2 * DAY
    assert swept(objects, clock.time) == {"remove": 1}
    assert swept(objects, clock.time) == {"remove": 1}
    assert objects.version_page("bucket") == []


def test_locked_versions_stay(objects: Objects, ruled: Callable[..., None], clock: Any) -> None:
    ruled({"Prefix": "", "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}, versioning="Enabled")
    clock.time = DAWN
    for data in (b"1", b"2"):
        objects.put_bytes("bucket", "k", data)
    assert swept(objects, MIDNIGHT + 9 * DAY, locked=lambda _: True) == {}
    assert len(objects.version_page("bucket")) == 2


def test_a_transition_shows_in_listings_and_keeps_the_rest(
    objects: Objects, ruled: Callable[..., None], clock: Any
) -> None:
    clock.time = DAWN
    ruled({"Prefix": "", "Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}]})
    before = objects.put_bytes("bucket", "k", b"x" * 200_000, attributes={"ContentType": "a/b"})
    assert swept(objects, MIDNIGHT + DAY) == {"transition": 1}
    info = objects.head("bucket", "k")
    assert info.attributes == {"ContentType": "a/b", "StorageClass": "GLACIER_IR"}
    assert (info.modified, info.etag, objects.read("s3://bucket/k")) == (before.modified, before.etag, b"x" * 200_000)
