"""Repositories' lifecycle policies are carried out by the loop."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from sagewright.base.ids import RandomIds
from sagewright.controllers.ecr_repository import EVERY, EcrRepositories
from sagewright.dataplane.events.bus import Bus
from sagewright.dataplane.images import manifests
from sagewright.dataplane.images.base import Images
from sagewright.dataplane.images.values import Repository
from sagewright.resources.record import Record
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock

APP = Repository("us-east-1", "app")


def index(name: str) -> manifests.Manifest:
    return manifests.read(json.dumps({"schemaVersion": 2, "manifests": [], "annotations": {"n": name}}).encode())


def test_a_policy_is_carried_out_when_it_is_put_and_every_hour(tmp_path: Path) -> None:
    store, clock, ids = MemoryStore(), ManualClock(), RandomIds()
    images = Images(store, tmp_path, account="1", clock=clock, ids=ids, bus=Bus(store, clock, ids))
    reconciler = EcrRepositories(store, images, clock)
    images.create(APP, {}, {})

    def look() -> float | None:
        return reconciler.reconcile(images.repository(APP))

    def tags() -> list[str]:
        return images.tags(APP, limit=10)

    def put(name: str) -> None:
        clock.advance(1)
        images.put(APP, index(name), name)

    put("a")
    put("b")
    assert look() is not None
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    settings = {"LifecyclePolicy": json.dumps({"rules": [rule]}), "LifecyclePolicyAt": clock.now()}

    def with_policy(record: Record) -> Record:
        return replace(record, spec={**record.spec, **settings})

    images.configure(APP, with_policy)
    assert tags() == ["a", "b"]
    look()
    assert tags() == ["b"]
    put("c")
    look()
    assert tags() == ["b", "c"]
    clock.advance(EVERY)
    look()
    assert tags() == ["c"]
    assert images.repository(APP).status["LifecycleEvaluatedAt"] == clock.now()


def test_what_broken_off_pushes_left_goes(tmp_path: Path) -> None:
    store, clock, ids = MemoryStore(), ManualClock(), RandomIds()
    images = Images(store, tmp_path, account="1", clock=clock, ids=ids, bus=Bus(store, clock, ids))
    reconciler = EcrRepositories(store, images, clock)
    images.create(APP, {}, {})
    images.uploads.begin(APP)
    reconciler.reconcile(images.repository(APP))
    assert len(images.uploads.ids()) == 1
    clock.advance(2 * 86_400)
    reconciler.reconcile(images.repository(APP))
    assert images.uploads.ids() == set()
    reconciler.forget(images.repository(APP).key)
    assert not reconciler._swept
