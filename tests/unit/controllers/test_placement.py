"""Copies go where there is room, and stay there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sagewright.compute.machine import Machine
from sagewright.controllers.placement import Placed, Size, capacity, missing, packs, place, required, room

WHOLE = Size(4, 8192, 1)
COPY = Placed(1, Size(1, 2048, 0), wanted=2)
MACHINE = Machine(vcpus=2, memory_bytes=8 << 30)


def test_copies_are_spread_over_instances() -> None:
    assert place(COPY, room(WHOLE, [0, 1, 2], ())).hosts == [0, 1]


def test_packed_copies_share_the_fullest_instance_that_has_room() -> None:
    other = Placed(1, Size(1, 2048, 0), 1, hosts=[1])
    assert place(replace(COPY, pack=True), room(WHOLE, [0, 1], [other])).hosts == [1, 1]


def test_what_does_not_fit_waits() -> None:
    placed = place(replace(COPY, size=Size(3, 1, 0)), room(WHOLE, [0], ()))
    assert (placed.hosts, placed.short) == ([0], 1)


@pytest.mark.parametrize("size", [Size(5, 1, 0), Size(1, 9000, 0), Size(1, 1, 2)])
def test_cpus_memory_and_accelerators_bound_what_fits(size: Size) -> None:
    assert not size.fits(WHOLE)


def test_copies_stay_where_they_are() -> None:
    left = room(WHOLE, [0, 1, 2], ())
    assert place(replace(COPY, hosts=[2], wanted=3), left).hosts == [2, 0, 1]


def test_a_copy_whose_instance_is_gone_goes_to_another() -> None:
    assert place(replace(COPY, hosts=[7, 1]), room(WHOLE, [0, 1], ())).hosts == [1, 0]


def test_the_last_copies_go_first() -> None:
    assert place(replace(COPY, hosts=[0, 1, 2], wanted=2), room(WHOLE, [0, 1, 2], ())).hosts == [0, 1]


def test_so_many_instances_are_missing_as_the_waiting_need() -> None:
    waiting = [replace(COPY, size=Size(3, 1, 0), wanted=3), replace(COPY, wanted=1)]
    assert missing(waiting, WHOLE, {}, most=5) == 3
    assert missing(waiting, WHOLE, {}, most=2) == 2
    assert missing(waiting, WHOLE, room(WHOLE, [0, 1, 2], ()), most=5) == 0
    assert missing([replace(COPY, size=Size(9, 1, 0))], WHOLE, {}, most=5) == 0, "no instance would hold it"


def test_a_copys_size_and_an_instances_are_told_alike() -> None:
    needs = {"NumberOfCpuCoresRequired": 0.5, "MinMemoryRequiredInMb": 512, "MaxMemoryRequiredInMb": 1024}
    specification = {"ComputeResourceRequirements": needs, "SchedulingConfig": {"PlacementStrategy": "BINPACK"}}
    assert required(specification) == Size(0.5, 512, 0)
    assert packs(specification)
    assert capacity("ml.m5.large", MACHINE) == Size(2, 8192, 0)
    assert capacity("ml.unheard.of", MACHINE) == Size(2, 8192, 0)


def test_a_placement_is_read_as_it_was_written_down() -> None:
    placed = replace(COPY, hosts=[0])
    assert Placed.of(placed.noted()) == placed
