"""EventBridge Scheduler's records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.testing.world import Client, World

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
ROLE = "arn:aws:iam::123456789012:role/r"
NIGHTLY = {
    "ScheduleExpression": "cron(0 22 * * ? *)",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": QUEUE, "RoleArn": ROLE, "Input": "{}"},
}


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[Client]:
    world = World.make(tmp_path)
    yield world.client("scheduler")
    world.close()


def refusal(question: Any, **members: Any) -> tuple[str, int]:
    with pytest.raises(AwsError) as caught:
        question(**members)
    return caught.value.code, caught.value.status


def test_a_schedule_is_made_changed_and_removed(scheduler: Client) -> None:
    arn = scheduler.create_schedule(Name="s", **NIGHTLY, ClientToken="t")["ScheduleArn"]
    assert arn.endswith(":schedule/default/s")
    assert scheduler.create_schedule(Name="s", **NIGHTLY, ClientToken="t")["ScheduleArn"] == arn
    assert refusal(scheduler.create_schedule, Name="s", **NIGHTLY) == ("ConflictException", 409)
    scheduler.update_schedule(Name="s", **{**NIGHTLY, "ScheduleExpression": "rate(1 hour)"}, State="DISABLED")
    told = scheduler.get_schedule(Name="s")
    assert (told["ScheduleExpression"], told["State"], told["GroupName"]) == ("rate(1 hour)", "DISABLED", "default")
    assert "since" not in told
    assert [each["Name"] for each in scheduler.list_schedules(State="DISABLED")["Schedules"]] == ["s"]
    scheduler.delete_schedule(Name="s")
    assert refusal(scheduler.get_schedule, Name="s") == ("ResourceNotFoundException", 404)


def test_a_group_goes_with_its_schedules(scheduler: Client) -> None:
    assert refusal(scheduler.create_schedule, Name="s", GroupName="g", **NIGHTLY) == ("ResourceNotFoundException", 404)
    arn = scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "b"}])["ScheduleGroupArn"]
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    scheduler.create_schedule(Name="s", GroupName="g", **NIGHTLY)
    assert [group["Name"] for group in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default", "g"]
    scheduler.delete_schedule_group(Name="g")
    assert scheduler.list_schedules()["Schedules"] == []
    assert refusal(scheduler.delete_schedule_group, Name="default") == ("ValidationException", 400)


@pytest.mark.parametrize(
    "change",
    [
        {"ScheduleExpression": "nightly"},
        {"ScheduleExpressionTimezone": "Nowhere"},
        {"StartDate": 5.0, "EndDate": 4.0},
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
        {"Target": {"Arn": "arn:aws:lambda:us-east-1:123456789012:function:f", "RoleArn": ROLE}},
        {"Target": {"Arn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p", "RoleArn": ROLE}},
        {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": ROLE}},
        {"Target": {"Arn": "arn:aws:logs:us-east-1:123456789012:log-group:g", "RoleArn": ROLE}},
        {"Target": {"Arn": "arn:aws:events:us-east-1:123456789012:event-bus/default", "RoleArn": ROLE}},
    ],
)
def test_what_is_no_schedule(scheduler: Client, change: dict[str, Any]) -> None:
    assert refusal(scheduler.create_schedule, Name="s", **{**NIGHTLY, **change}) == ("ValidationException", 400)
