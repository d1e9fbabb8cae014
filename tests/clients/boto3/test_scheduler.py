"""EventBridge Scheduler: a schedule that fires once, and what is said of it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import boto3

from .refusals import refusal, refused

Eventually = Callable[..., Any]
Unique = Callable[[str], str]


def test_a_schedule_fires_into_a_queue_and_goes(role: str, unique: Unique, eventually: Eventually) -> None:
    scheduler, sqs, name = boto3.client("scheduler"), boto3.client("sqs"), unique("once")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    arn = scheduler.create_schedule(
        Name=name,
        ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": queue, "RoleArn": role, "Input": '{"by": "<aws.scheduler.schedule-arn>"}'},
    )["ScheduleArn"]
    assert scheduler.get_schedule(Name=name)["Arn"] == arn
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert json.loads(message["Body"]) == {"by": arn}

    def gone() -> bool:
        return name not in [each["Name"] for each in scheduler.list_schedules()["Schedules"]]

    eventually(gone)
    assert refused(scheduler.get_schedule, Name=name) == ("ResourceNotFoundException", 404)


def test_schedules_stand_in_groups(role: str, unique: Unique) -> None:
    scheduler, group = boto3.client("scheduler"), unique("group")
    nightly = {
        "Name": "nightly",
        "GroupName": group,
        "ScheduleExpression": "cron(0 22 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "Target": {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": role},
    }
    assert refused(scheduler.create_schedule, **nightly) == ("ResourceNotFoundException", 404)
    scheduler.create_schedule_group(Name=group)
    scheduler.create_schedule(**nightly)
    assert refused(scheduler.create_schedule, **nightly) == ("ConflictException", 409)
    scheduler.update_schedule(**nightly, State="DISABLED")
    (found,) = scheduler.list_schedules(GroupName=group)["Schedules"]
    assert (found["Name"], found["State"]) == ("nightly", "DISABLED")
    pipeline = {"Arn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p", "RoleArn": role}
    code, message = refusal(scheduler.update_schedule, **{**nightly, "Target": pipeline})
    assert code == "ValidationException"
    assert "start pipelines" in message
    scheduler.delete_schedule_group(Name=group)
    assert refused(scheduler.get_schedule, Name="nightly", GroupName=group) == ("ResourceNotFoundException", 404)
