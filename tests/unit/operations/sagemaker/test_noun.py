"""What all nouns do alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found, together
from sagewright.resources.record import Key, Record
from sagewright.store.base import Write
from sagewright.store.memory import MemoryStore

COUNTER = Key("1", "us-east-1", "image", "", "a")


def record(name: str, **spec: int) -> Record:
    return Record(key=COUNTER._replace(name=name), uid=name, created=0.0, modified=0.0, spec=spec)


def counted(store: MemoryStore) -> Record:
    found = store.get(COUNTER)
    assert found is not None
    return replace(found, spec={"count": found.spec["count"] + 1})


def test_writes_are_decided_again_when_somebody_wrote_in_between() -> None:
    store = MemoryStore()
    store.create(record("a", count=0))
    interruptions = [lambda: store.update(counted(store))]

    def decide() -> list[Write]:
        mine = counted(store)
        if interruptions:
            interruptions.pop()()
        return [("update", mine), ("create", record(f"version-{mine.spec['count']}"))]

    _, version = together(store, decide)
    assert version.name == "version-2"
    assert store.get(COUNTER._replace(name="version-1")) is None


def test_writes_together_are_refused_together() -> None:
    store = MemoryStore()
    store.write([("create", record("a", count=0)), ("create", record("b"))])
    with pytest.raises(AlreadyExists):
        together(store, lambda: [("update", counted(store)), ("create", record("b"))])
    assert counted(store).spec["count"] == 1


def test_who_is_never_let_write_is_told_so() -> None:
    store = MemoryStore()
    store.create(record("a", count=0))

    def never() -> list[Write]:
        mine = counted(store)
        store.update(counted(store))
        return [("update", mine)]

    with pytest.raises(AwsError, match="kept changing") as caught:
        together(store, never)
    assert caught.value.code == "ConflictException"


def test_the_view_names_a_record_by_what_its_spec_or_status_say_first() -> None:
    noun = Noun("Image", "image", resource_not_found("Image"), resource_in_use("Image"))
    assert noun.view(record("a"))["ImageName"] == "a"
    assert noun.view(replace(record("a"), status={"ImageName": "b"}))["ImageName"] == "b"
