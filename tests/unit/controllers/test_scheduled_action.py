"""Scheduled actions: bounds that change when their time has come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sagewright.resources.record import Key
from sagewright.resources.scaling import ACTION

from .scaling import WHAT, Scaled


@pytest.fixture
def scaled(tmp_path: Path) -> Iterator[Scaled]:
    scaled = Scaled(tmp_path)
    yield scaled
    scaled.close()


@pytest.fixture
def endpoint(scaled: Scaled) -> Key:
    key = scaled.endpoint(2)
    scaled.register(1, 6)
    return key


def put(scaled: Scaled, schedule: str, low: int | None = None, high: int | None = None, **more: Any) -> None:
    bounds = {name: value for name, value in (("MinCapacity", low), ("MaxCapacity", high)) if value is not None}
    put = {"ScheduledActionName": "a", "Schedule": schedule, "ScalableTargetAction": bounds, **more}
    scaled.scaling.put_scheduled_action(**WHAT, **put)
    scaled.settle()


def bounds(scaled: Scaled) -> tuple[int, int]:
    (target,) = scaled.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return target["MinCapacity"], target["MaxCapacity"]


def test_bounds_change_and_the_capacity_with_them(scaled: Scaled, endpoint: Key) -> None:
    put(scaled, "rate(5 minutes)", 3, 5)
    scaled.pass_time(299, ACTION)
    assert bounds(scaled) == (1, 6)
    scaled.pass_time(1, ACTION)
    assert bounds(scaled) == (3, 5)
    assert scaled.wanted(endpoint) == 3
    told = {each["Cause"]: each["Description"] for each in scaled.activities()}
    assert told == {
        "scheduled action name a was triggered": "Setting min capacity to 3 and max capacity to 5",
        "minimum capacity was set to 3": "Setting desired instance count to 3.",
    }


def test_a_cron_expression_keeps_its_time_zone(scaled: Scaled, endpoint: Key) -> None:
    zone = ZoneInfo("Europe/Berlin")
    evening = datetime(2025, 10, 9, 22, 0, tzinfo=zone).timestamp()
    put(scaled, "cron(0 22 * * ? *)", high=1, Timezone="Europe/Berlin")
    scaled.pass_time(evening - scaled.clock.now() - 1, ACTION)
    assert scaled.wanted(endpoint) == 2
    scaled.pass_time(1, ACTION)
    assert scaled.wanted(endpoint) == 1


def test_once_is_once(scaled: Scaled, endpoint: Key) -> None:
    at = datetime.fromtimestamp(scaled.clock.now() + 90, ZoneInfo("UTC"))
    put(scaled, f"at({at:%Y-%m-%dT%H:%M:%S})", low=3)
    scaled.pass_time(90, ACTION)
    assert bounds(scaled) == (3, 6)
    scaled.register(1, 6)
    scaled.pass_time(86400, ACTION)
    assert bounds(scaled) == (1, 6)


def test_it_starts_and_ends(scaled: Scaled, endpoint: Key) -> None:
    now = scaled.clock.now()
    put(scaled, "rate(10 minutes)", low=3, StartTime=now + 3600, EndTime=now + 5000)
    scaled.pass_time(3600 + 599, ACTION)
    assert bounds(scaled) == (1, 6)
    scaled.pass_time(2, ACTION)
    assert bounds(scaled) == (3, 6)
    scaled.pass_time(900, ACTION)
    scaled.register(1, 6)
    scaled.pass_time(86400, ACTION)
    assert bounds(scaled) == (1, 6)


def test_what_was_missed_is_made_up_for_once(scaled: Scaled, endpoint: Key) -> None:
    put(scaled, "rate(1 minute)", low=3)
    scaled.pass_time(3600, ACTION)
    assert len([each for each in scaled.activities() if each["Cause"].startswith("scheduled")]) == 1


def test_a_suspended_target_keeps_its_bounds(scaled: Scaled, endpoint: Key) -> None:
    scaled.register(1, 6, SuspendedState={"ScheduledScalingSuspended": True})
    put(scaled, "rate(5 minutes)", low=3)
    scaled.pass_time(300, ACTION)
    assert bounds(scaled) == (1, 6)
    scaled.register(1, 6, SuspendedState={"ScheduledScalingSuspended": False})
    scaled.pass_time(200, ACTION)
    assert bounds(scaled) == (1, 6)
    scaled.pass_time(100, ACTION)
    assert bounds(scaled) == (3, 6)


def test_bounds_that_cross_are_refused_and_told(scaled: Scaled, endpoint: Key) -> None:
    put(scaled, "rate(5 minutes)", low=7)
    scaled.pass_time(300, ACTION)
    assert bounds(scaled) == (1, 6)
    (activity,) = scaled.activities()
    assert activity["StatusCode"] == "Failed"
    assert activity["StatusMessage"] == (
        "Failed to set min capacity to 7. Maximum capacity cannot be less than minimum capacity"
    )
