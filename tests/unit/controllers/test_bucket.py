"""Buckets' lifecycle rules are carried out by the loop."""

from __future__ import annotations

from pathlib import Path

from sagewright.base.ids import RandomIds
from sagewright.controllers.bucket import EVERY, Buckets
from sagewright.dataplane.events.bus import Bus
from sagewright.dataplane.objects.base import Objects
from sagewright.resources.event import DELIVERY
from sagewright.store.base import Query
from sagewright.store.memory import MemoryStore


class Clock:
    time = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


def test_a_bucket_is_swept_when_its_rules_are_put_and_every_hour(tmp_path: Path) -> None:
    store, clock = MemoryStore(), Clock()
    objects = Objects(store, tmp_path, account="1", clock=clock, ids=RandomIds())
    buckets = Buckets(objects, Bus(store, clock, RandomIds()), clock)
    record = objects.buckets.create("b", "us-east-1").record
    objects.put_bytes("b", "k", b"x")
    objects.put_bytes("b", "held", b"x")
    objects.keep("b", "held", lambda _: {"LegalHold": "ON"})
    assert buckets.reconcile(record) is None
    rule = {"ID": "r", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}
    queue = {"Id": "q", "QueueArn": "arn:aws:sqs:us-east-1:1:q", "Events": ["s3:LifecycleExpiration:*"]}
    settings = {"Lifecycle": {"Rules": [rule]}, "Notification": {"QueueConfigurations": [queue]}}
    objects.buckets.configure("b", lambda _: settings)
    record = objects.buckets.get("b").record
    assert buckets.reconcile(record) == EVERY
    assert len(objects.page("b")) == 2
    clock.time += 2 * 86_400
    assert buckets.reconcile(record) == EVERY
    assert [info.key for info in objects.page("b")] == ["held"]
    (told,) = store.list(Query("1", "us-east-1", DELIVERY, parent=""), limit=10).records
    assert '"eventName":"LifecycleExpiration:Delete"' in told.spec["body"]
    objects.close()
