"""CloudWatch's metric operations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.testing.world import Client, World

JOB = [{"Name": "TrainingJobName", "Value": "job"}]
METRIC = {"Namespace": "n", "MetricName": "m", "Dimensions": JOB}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.make(tmp_path)
    yield world
    world.close()


@pytest.fixture
def cloudwatch(world: World) -> Client:
    return world.client("cloudwatch")


@pytest.fixture
def now(world: World) -> float:
    return world.clock.now() // 3600 * 3600


def put(cloudwatch: Client, *data: dict[str, Any], namespace: str = "n") -> None:
    whole = [{"MetricName": "m", "Dimensions": JOB, **datum} for datum in data]
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=whole)


def refusal(question: Any, **members: Any) -> str:
    with pytest.raises(AwsError) as caught:
        question(**members)
    return caught.value.code


def test_statistics_per_period(cloudwatch: Client, now: float) -> None:
    put(cloudwatch, *({"Timestamp": now + second, "Value": float(second)} for second in (0, 10, 70)))
    answer = cloudwatch.get_metric_statistics(
        **METRIC,
        StartTime=now,
        EndTime=now + 120,
        Period=60,
        Statistics=["Average", "Sum", "Minimum", "Maximum", "SampleCount"],
        ExtendedStatistics=["p50"],
    )
    assert answer["Label"] == "m"
    first, second = answer["Datapoints"]
    assert first == {
        "Timestamp": now,
        "Unit": "None",
        "Average": 5,
        "Sum": 10,
        "Minimum": 0,
        "Maximum": 10,
        "SampleCount": 2,
        "ExtendedStatistics": {"p50": 0},
    }
    assert (second["Timestamp"], second["Sum"]) == (now + 60, 70)


def test_values_with_counts_and_statistic_sets(cloudwatch: Client, now: float) -> None:
    put(cloudwatch, {"Timestamp": now, "Values": [1.0, 2.0], "Counts": [3.0, 1.0], "Unit": "Seconds"})
    sets = {"SampleCount": 2.0, "Sum": 20.0, "Minimum": 5.0, "Maximum": 15.0}
    put(cloudwatch, {"Timestamp": now, "StatisticValues": sets, "Unit": "Bytes"})
    answer = cloudwatch.get_metric_statistics(
        **METRIC, StartTime=now, EndTime=now + 60, Period=60, Statistics=["Sum"], ExtendedStatistics=["p90"]
    )
    by_unit = {point["Unit"]: point for point in answer["Datapoints"]}
    assert by_unit["Seconds"]["Sum"] == 5
    assert by_unit["Seconds"]["ExtendedStatistics"] == {"p90": 2}
    assert "ExtendedStatistics" not in by_unit["Bytes"]
    only = cloudwatch.get_metric_statistics(
        **METRIC, StartTime=now, EndTime=now + 60, Period=60, Statistics=["Sum"], Unit="Bytes"
    )
    assert [point["Sum"] for point in only["Datapoints"]] == [20]


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({}, "InvalidParameterCombination"),
        ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination"),
        ({"Values": [1.0], "Counts": [1.0, 2.0]}, "InvalidParameterValue"),
        ({"Value": float("nan")}, "InvalidParameterValue"),
        ({"Value": float("inf")}, "InvalidParameterValue"),
    ],
)
def test_what_is_no_datum(cloudwatch: Client, datum: dict[str, Any], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        put(cloudwatch, datum)
    assert caught.value.code == code


def test_the_namespaces_of_aws_are_its_own(cloudwatch: Client) -> None:
    with pytest.raises(AwsError, match="AWS/"):
        put(cloudwatch, {"Value": 1.0}, namespace="AWS/SageMaker")


def test_metrics_are_listed(cloudwatch: Client, world: World) -> None:
    put(cloudwatch, {"Value": 1.0})
    world.clock.advance(4 * 3600)
    put(cloudwatch, {"Value": 1.0, "MetricName": "other", "Dimensions": []})
    put(cloudwatch, {"Value": 1.0}, namespace="elsewhere")

    def names(**members: Any) -> list[tuple[str, str]]:
        found = cloudwatch.list_metrics(**members)["Metrics"]
        return [(metric["Namespace"], metric["MetricName"]) for metric in found]

    assert names() == [("n", "m"), ("n", "other"), ("elsewhere", "m")]
    assert names(Namespace="n", MetricName="m") == [("n", "m")]
    assert names(Dimensions=[{"Name": "TrainingJobName"}]) == [("n", "m"), ("elsewhere", "m")]
    assert names(Dimensions=[{"Name": "TrainingJobName", "Value": "x"}]) == []
    assert names(RecentlyActive="PT3H") == [("n", "other"), ("elsewhere", "m")]
    assert refusal(cloudwatch.list_metrics, NextToken="x") == "InvalidNextToken"


def test_many_metrics_are_listed_in_pages(cloudwatch: Client) -> None:
    put(cloudwatch, *({"Value": 1.0, "MetricName": f"m{number:03d}"} for number in range(501)))
    page = cloudwatch.list_metrics()
    rest = cloudwatch.list_metrics(NextToken=page["NextToken"])
    assert (len(page["Metrics"]), len(rest["Metrics"]), "NextToken" in rest) == (500, 1, False)


def test_data_of_several_metrics_in_pages(cloudwatch: Client, now: float) -> None:
    put(cloudwatch, *({"Timestamp": now + 60 * minute, "Value": float(minute)} for minute in range(3)))
    put(cloudwatch, {"Timestamp": now, "Value": 7.0, "MetricName": "other"})
    queries = [
        {"Id": "a", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Average"}},
        {"Id": "b", "MetricStat": {"Metric": {**METRIC, "MetricName": "other"}, "Period": 60, "Stat": "p99"}},
        {"Id": "hidden", "Expression": "a + b", "ReturnData": False},
    ]
    asked: dict[str, Any] = {"MetricDataQueries": queries, "StartTime": now, "EndTime": now + 600}
    whole = cloudwatch.get_metric_data(**asked)
    assert [result["Values"] for result in whole["MetricDataResults"]] == [[2, 1, 0], [7]]
    assert "NextToken" not in whole
    page = cloudwatch.get_metric_data(**asked, MaxDatapoints=2, ScanBy="TimestampAscending")
    assert [result["Values"] for result in page["MetricDataResults"]] == [[0, 1], []]
    assert [result["StatusCode"] for result in page["MetricDataResults"]] == ["PartialData", "PartialData"]
    rest = cloudwatch.get_metric_data(
        **asked, MaxDatapoints=2, ScanBy="TimestampAscending", NextToken=page["NextToken"]
    )
    assert [result["Values"] for result in rest["MetricDataResults"]] == [[2], [7]]


def test_what_cannot_be_asked(cloudwatch: Client, now: float) -> None:
    window = {"StartTime": now, "EndTime": now + 600}
    statistics = cloudwatch.get_metric_statistics
    assert refusal(statistics, **METRIC, **window, Period=60) == "InvalidParameterCombination"
    assert refusal(statistics, **METRIC, **window, Period=61, Statistics=["Sum"]) == "InvalidParameterValue"
    put(cloudwatch, {"Timestamp": now, "Value": 1.0})
    trimmed = {"Period": 60, "ExtendedStatistics": ["xy90"]}
    assert refusal(statistics, **METRIC, **window, **trimmed) == "InvalidParameterValue"
    backwards = {"StartTime": now, "EndTime": now}
    assert refusal(statistics, **METRIC, **backwards, Period=60, Statistics=["Sum"]) == "InvalidParameterValue"
    long = {"StartTime": now - 1441, "EndTime": now}
    assert refusal(statistics, **METRIC, **long, Period=1, Statistics=["Sum"]) == "InvalidParameterCombination"
    expression = [{"Id": "a", "Expression": "1 + 1"}]
    assert refusal(cloudwatch.get_metric_data, MetricDataQueries=expression, **window) == "ValidationError"
