"""Places for jobs as controllers ask for them: who is woken, what is remembered, what can never run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from sagewright.base.errors import Terminal
from sagewright.compute.machine import Machine
from sagewright.controllers.room import Room
from sagewright.resources.owner import OWNER, owner_of
from sagewright.resources.record import Key, Record

HERE = Machine(vcpus=4, memory_bytes=32 << 30)
LARGE, XLARGE = ["ml.m5.large"], ["ml.m5.xlarge"]


def job(name: str, created: float = 0.0, user: str = "u") -> Record:
    key = Key("1", "r", "training-job", "", name)
    return Record(key, f"uid-{name}", created, created, status={OWNER: user})


class Scene:
    def __init__(self, *machines: Machine, strict: bool = False) -> None:
        self.woken: list[str] = []
        self.room = Room(machines or [HERE], lambda key: self.woken.append(key.name), strict=strict)


def test_who_waits_is_woken_once_there_is_room() -> None:
    scene = Scene()
    first, second = job("first"), job("second", 1)
    assert scene.room.enter(first, XLARGE)
    assert not scene.room.enter(second, LARGE)
    scene.room.leave(first)
    assert scene.woken == ["second"]
    assert scene.room.enter(second, LARGE), "its place was taken for it"


def test_a_waiting_job_says_what_it_waits_for() -> None:
    scene = Scene()
    scene.room.enter(job("first"), XLARGE)
    second, third = job("second", 1), job("third", 2)
    scene.room.enter(second, LARGE)
    scene.room.enter(third, LARGE * 2)
    said = scene.room.waits_for(second, LARGE)
    assert said == ("Waiting for 2 vCPUs and 8 GiB of memory: 1 job runs, 1 other waits.")
    assert scene.room.waits_for(third, LARGE * 2) == (
        "Waiting for 2 x 2 vCPUs and 8 GiB of memory: 1 job runs, 1 other waits. "
        "Jobs of several instances take turns on one machine."
    )


def test_what_runs_when_the_server_starts_takes_its_place_first() -> None:
    scene = Scene()
    runs, older, younger = job("runs", 5), job("older", 1), job("younger", 2)

    def known() -> Iterator[tuple[Record, Sequence[str], bool]]:
        yield older, LARGE, False
        yield runs, LARGE, True
        yield younger, LARGE, False

    scene.room.remember(known)
    assert not scene.room.enter(younger, LARGE), "the older one has its turn first, whoever is looked at first"
    assert scene.woken == ["older"]
    assert scene.room.enter(older, LARGE)


def test_strict_room_refuses_what_no_machines_have() -> None:
    scene = Scene(HERE, HERE, strict=True)
    with pytest.raises(Terminal, match=r"CapacityError: .* 3 ml\.m5\.xlarge do not fit"):
        scene.room.enter(job("gang"), XLARGE * 3)
    assert scene.room.enter(job("pair"), XLARGE * 2)
    assert not scene.room.enter(job("later"), LARGE)


def test_all_sessions_of_a_role_are_one_owner() -> None:
    assert owner_of("arn:aws:sts::1:assumed-role/R/me") == owner_of("arn:aws:sts::1:assumed-role/R/you")
    assert owner_of("arn:aws:iam::1:user/a") == "arn:aws:iam::1:user/a"


def test_who_is_passed_is_told() -> None:
    scene = Scene()
    scene.room.enter(job("first"), LARGE)
    scene.room.enter(job("large", 1), XLARGE)
    assert not scene.room.is_passed(job("large", 1))
    assert scene.room.enter(job("small", 2), LARGE)
    assert scene.woken == ["large"]
    assert scene.room.waits_for(job("large", 1), XLARGE).endswith("It is the next to run; few may pass it.")


def test_in_strict_room_what_stays_counts_and_does_not_wait() -> None:
    scene = Scene(strict=True)
    endpoint = job("endpoint")
    assert scene.room.occupy(endpoint, LARGE, always=False)
    assert not scene.room.enter(job("first", 1), XLARGE)
    assert not scene.room.occupy(endpoint, LARGE * 3, always=False), "it keeps what it had"
    assert scene.room.enter(job("small", 2), LARGE)
    scene.room.leave(job("small", 2))
    scene.room.leave(endpoint)
    assert scene.woken[-1] == "first"


def test_many_that_run_are_looked_at_less_often() -> None:
    room = Room([Machine(vcpus=1000, memory_bytes=1 << 50)], lambda _key: None)
    paces = []
    for number in range(64):
        room.enter(job(f"job-{number}", number), LARGE)
        paces.append(room.pace())
    assert paces[:16] == [0.5] * 16
    assert paces[-1] == 2.0


def test_in_fitted_room_endpoints_do_not_count() -> None:
    scene = Scene()
    assert scene.room.occupy(job("endpoint"), XLARGE * 5, always=False)
    assert scene.room.enter(job("first", 1), XLARGE)
