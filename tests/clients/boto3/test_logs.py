"""Logs and metrics, as the SDK and scripts read and write them."""

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest


@pytest.fixture
def logs() -> Any:
    return boto3.client("logs")


@pytest.fixture
def group(logs: Any, unique: Callable[[str], str]) -> str:
    """A new group with a stream `s/1` in it."""
    group = "/test/" + unique("Group")
    logs.create_log_group(logGroupName=group, tags={"made": "here"})
    logs.create_log_stream(logGroupName=group, logStreamName="s/1")
    return group


def put(logs: Any, group: str, *messages: str, stream: str = "s/1") -> int:
    now = int(time.time() * 1000)
    batch = [{"timestamp": now + number, "message": text} for number, text in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)
    return now


def test_a_stream_is_followed(logs: Any, group: str) -> None:
    put(logs, group, "first\tü \U0001f600", '{"loss": 0.5}')
    asked = {"logGroupName": group, "logStreamName": "s/1", "startFromHead": True}
    page = logs.get_log_events(**asked)
    assert [event["message"] for event in page["events"]] == ["first\tü \U0001f600", '{"loss": 0.5}']
    end = logs.get_log_events(nextToken=page["nextForwardToken"], **asked)
    assert (end["events"], end["nextForwardToken"]) == ([], page["nextForwardToken"])
    put(logs, group, "more")
    more = logs.get_log_events(nextToken=end["nextForwardToken"], **asked)
    assert [event["message"] for event in more["events"]] == ["more"]


def test_a_group_is_described(logs: Any, group: str) -> None:
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    (found,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert (found["retentionInDays"], found["logGroupName"]) == (7, group)
    assert logs.list_tags_for_resource(resourceArn=found["logGroupArn"])["tags"] == {"made": "here"}
    logs.delete_log_group(logGroupName=group)
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.describe_log_streams(logGroupName=group)


def test_streams_come_in_pages(logs: Any, group: str) -> None:
    for number in range(2, 8):
        logs.create_log_stream(logGroupName=group, logStreamName=f"s/{number}")
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=group, logStreamNamePrefix="s/", PaginationConfig={"PageSize": 3}
    )
    names = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    assert names == [f"s/{number}" for number in range(1, 8)]
    assert "nextToken" not in logs.describe_log_streams(logGroupName=group, limit=7)


def test_events_are_filtered_over_streams(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="s/2")
    put(logs, group, "ERROR one", "fine")
    put(logs, group, "ERROR two", stream="s/2")
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern="ERROR", PaginationConfig={"PageSize": 1}
    )
    found = [(event["logStreamName"], event["message"]) for page in pages for event in page["events"]]
    assert sorted(found) == [("s/1", "ERROR one"), ("s/2", "ERROR two")]


def test_metrics_are_written_and_read(unique: Callable[[str], str]) -> None:
    cloudwatch = boto3.client("cloudwatch")
    namespace, now = unique("Namespace"), time.time()
    dimensions = [{"Name": "Host", "Value": "algo-1"}]
    data = [{"MetricName": "loss", "Dimensions": dimensions, "Timestamp": now, "Value": value} for value in (1, 3)]
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    assert cloudwatch.list_metrics(Namespace=namespace)["Metrics"] == [
        {"Namespace": namespace, "MetricName": "loss", "Dimensions": dimensions}
    ]
    metric = {"Namespace": namespace, "MetricName": "loss", "Dimensions": dimensions}
    window = {"StartTime": now - 60, "EndTime": now + 60}
    (point,) = cloudwatch.get_metric_statistics(**metric, **window, Period=300, Statistics=["Average", "Maximum"])[
        "Datapoints"
    ]
    assert (point["Average"], point["Maximum"]) == (2, 3)
    query = {"Id": "loss", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    (series,) = cloudwatch.get_metric_data(MetricDataQueries=[query], **window)["MetricDataResults"]
    assert series["Values"] == [4]
