"""Metrics, alarms and dashboards, through each of the protocols that CloudWatch speaks."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from .refusals import refusal, refused

Eventually = Callable[..., Any]
Unique = Callable[[str], str]
COUNTS = {"Statistic": "Sum", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 5.0}


@pytest.fixture(scope="module", params=["smithy-rpc-v2-cbor", "json", "query"])
def cloudwatch(request: pytest.FixtureRequest) -> Iterator[Any]:
    client = boto3.session.Session().client("cloudwatch")
    model = client.meta.service_model
    with pytest.MonkeyPatch.context() as patch:
        # boto3 takes the first that it knows; the others are what older clients and other languages speak.
        patch.setattr(type(model), "resolved_protocol", request.param)
        yield boto3.session.Session().client("cloudwatch")


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def window() -> dict[str, Any]:
    return {"StartTime": now() - datetime.timedelta(minutes=10), "EndTime": now() + datetime.timedelta(minutes=1)}


def test_what_is_put_can_be_asked_for(cloudwatch: Any, unique: Unique) -> None:
    space, dimensions = unique("space"), [{"Name": "Host", "Value": "a"}]
    minute = now().replace(second=0, microsecond=0) - datetime.timedelta(minutes=5)
    data = [
        {"MetricName": "m", "Dimensions": dimensions, "Timestamp": minute, "Values": [1.0, 2.0], "Counts": [3.0, 1.0]},
        {
            "MetricName": "m",
            "Dimensions": dimensions,
            "Timestamp": minute + datetime.timedelta(minutes=1),
            "StatisticValues": {"SampleCount": 2, "Sum": 10, "Minimum": 4, "Maximum": 6},
        },
    ]
    cloudwatch.put_metric_data(Namespace=space, MetricData=data)
    (metric,) = cloudwatch.list_metrics(Namespace=space, RecentlyActive="PT3H")["Metrics"]
    assert metric == {"Namespace": space, "MetricName": "m", "Dimensions": dimensions}
    told = cloudwatch.get_metric_statistics(
        **metric,
        **window(),
        Period=60,
        Statistics=["Sum", "Average", "SampleCount"],
        ExtendedStatistics=["p50", "tm90"],
    )
    first, second = sorted(told["Datapoints"], key=lambda point: point["Timestamp"])
    assert (first["Timestamp"], first["Sum"], first["SampleCount"]) == (minute, 5, 4)
    assert first["ExtendedStatistics"]["p50"] == 1
    assert (second["Average"], "ExtendedStatistics" in second) == (5, False)


def test_much_at_once_comes_packed(cloudwatch: Any, unique: Unique) -> None:
    space = unique("space")
    data = [{"MetricName": f"{'m' * 60}{number % 3}", "Value": 1.0} for number in range(300)]
    answer = cloudwatch.put_metric_data(Namespace=space, MetricData=data)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert len(cloudwatch.list_metrics(Namespace=space)["Metrics"]) == 3


def test_metric_math(cloudwatch: Any, unique: Unique) -> None:
    space = unique("space")
    minute = now().replace(second=0, microsecond=0) - datetime.timedelta(minutes=5)
    for name, value in (("errors", 2.0), ("calls", 8.0)):
        data = {"MetricName": name, "Dimensions": [{"Name": "V", "Value": "v"}], "Timestamp": minute, "Value": value}
        cloudwatch.put_metric_data(Namespace=space, MetricData=[data])

    def query(name: str) -> dict[str, Any]:
        metric = {"Namespace": space, "MetricName": name, "Dimensions": [{"Name": "V", "Value": "v"}]}
        stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
        return {"Id": name, "MetricStat": stat, "ReturnData": False}

    queries = [
        query("errors"),
        query("calls"),
        {"Id": "rate", "Expression": "100 * errors / calls", "Label": "Error rate"},
        {"Id": "all", "Expression": f"SUM(SEARCH('{{{space},V}} V=v', 'Sum', 60))"},
        {"Id": "each", "Expression": f"SEARCH('{{{space},V}} MetricName=calls', 'Sum', 60)"},
    ]
    results = cloudwatch.get_metric_data(MetricDataQueries=queries, **window())["MetricDataResults"]
    assert [(each["Id"], each["Label"], each["Values"]) for each in results] == [
        ("rate", "Error rate", [25.0]),
        ("all", "all", [10.0]),
        ("each", "v calls", [8.0]),
    ]
    code, message = refusal(
        cloudwatch.get_metric_data,
        MetricDataQueries=[query("calls"), {"Id": "x", "Expression": "ANOMALY_DETECTION_BAND(calls)"}],
        **window(),
    )
    assert code == "ValidationError"
    assert "ANOMALY_DETECTION_BAND" in message


def test_an_alarm_goes_off_by_itself(cloudwatch: Any, unique: Unique, eventually: Eventually) -> None:
    name, space = unique("alarm"), unique("space")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=space,
        MetricName="m",
        Period=10,
        TreatMissingData="notBreaching",
        Tags=[{"Key": "team", "Value": "blue"}],
        **COUNTS,
    )

    def alarm() -> Any:
        (found,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return found

    eventually(lambda: alarm()["StateValue"] == "OK")

    def goes_off() -> bool:
        data = {"MetricName": "m", "Value": 9.0, "StorageResolution": 1}
        cloudwatch.put_metric_data(Namespace=space, MetricData=[data])
        return bool(alarm()["StateValue"] == "ALARM")

    eventually(goes_off, every=1)
    assert "greater than the threshold (5.0)" in alarm()["StateReason"]
    assert json.loads(alarm()["StateReasonData"])["threshold"] == 5.0
    history = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert history[0]["HistorySummary"] == "Alarm updated from OK to ALARM"
    arn = alarm()["AlarmArn"]
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "blue"}]
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


def test_alarms_are_found(cloudwatch: Any, unique: Unique, eventually: Eventually) -> None:
    stem = unique("find")
    for number in range(3):
        cloudwatch.put_metric_alarm(
            AlarmName=f"{stem}-{number}", Namespace=stem, MetricName="m", Period=60, **COUNTS, ActionsEnabled=False
        )
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=stem, PaginationConfig={"PageSize": 2})
    assert [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]] == [
        f"{stem}-{number}" for number in range(3)
    ]
    assert len(cloudwatch.describe_alarms_for_metric(Namespace=stem, MetricName="m")["MetricAlarms"]) == 3
    cloudwatch.enable_alarm_actions(AlarmNames=[f"{stem}-0"])
    (found,) = cloudwatch.describe_alarms(AlarmNames=[f"{stem}-0"])["MetricAlarms"]
    assert found["ActionsEnabled"] is True

    both = f"{stem}-both"
    cloudwatch.put_composite_alarm(AlarmName=both, AlarmRule=f"ALARM({stem}-0) AND ALARM({stem}-1)")
    for number in (0, 1):
        cloudwatch.set_alarm_state(AlarmName=f"{stem}-{number}", StateValue="ALARM", StateReason="a test")

    def composite() -> Any:
        (found,) = cloudwatch.describe_alarms(AlarmNames=[both], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
        return found

    eventually(lambda: composite()["StateValue"] == "ALARM")
    children = cloudwatch.describe_alarms(ChildrenOfAlarmName=both)["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in children] == [f"{stem}-0", f"{stem}-1"]


def test_what_is_no_alarm(cloudwatch: Any, unique: Unique) -> None:
    good = {"AlarmName": unique("bad"), "Namespace": "n", "MetricName": "m", "Period": 60, **COUNTS}

    def code(**change: Any) -> str:
        return refused(cloudwatch.put_metric_alarm, **{**good, **change})[0]

    assert code(Period=61) == "ValidationError"
    assert code(DatapointsToAlarm=2) == "ValidationError"
    assert code(EvaluationPeriods=100_000) == "ValidationError"
    assert code(TreatMissingData="never") == "ValidationError"
    assert code(ComparisonOperator="GreaterThanUpperThreshold", ThresholdMetricId="t") == "ValidationError"
    assert code(AlarmActions=["arn:aws:lambda:us-east-1:123456789012:function:f"]) == "ValidationError"
    assert code(ExtendedStatistic="p90") == "InvalidParameterCombination"
    composite = {"AlarmName": unique("bad"), "AlarmRule": "ALARM(nobody-there)"}
    assert refused(cloudwatch.put_composite_alarm, **composite) == ("ValidationError", 400)
    missing = {"AlarmName": "nobody-there", "StateValue": "OK", "StateReason": "r"}
    assert refused(cloudwatch.set_alarm_state, **missing) == ("ResourceNotFound", 404)


def test_dashboards(cloudwatch: Any, unique: Unique) -> None:
    name = unique("board")
    body = json.dumps({"widgets": [{"type": "text", "x": 0, "y": 0, "properties": {"markdown": "Hi"}}]})
    assert cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)["DashboardValidationMessages"] == []
    assert cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"] == body
    (entry,) = cloudwatch.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
    assert entry["Size"] == len(body)
    cloudwatch.delete_dashboards(DashboardNames=[name])
    assert refused(cloudwatch.get_dashboard, DashboardName=name) == ("ResourceNotFound", 404)
    assert refused(cloudwatch.put_dashboard, DashboardName=name, DashboardBody="{}") == ("InvalidParameterInput", 400)


def test_what_is_no_datum(cloudwatch: Any) -> None:
    def put(**datum: Any) -> tuple[str, int]:
        return refused(cloudwatch.put_metric_data, Namespace="n", MetricData=[{"MetricName": "m", **datum}])

    assert put(Value=1.0, Values=[1.0]) == ("InvalidParameterCombination", 400)
    assert put(Value=1.0, Timestamp=now() - datetime.timedelta(days=15)) == ("InvalidParameterValue", 400)
    assert put(Value=1.0, StorageResolution=7) == ("InvalidParameterValue", 400)
    assert put(Value=1e300) == ("InvalidParameterValue", 400)
    twice = [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]
    assert put(Value=1.0, Dimensions=twice) == ("InvalidParameterValue", 400)


def test_what_was_acknowledged_outlives_a_killed_server(own_server: Any) -> None:
    environment = own_server.environment()
    client = boto3.client(
        "cloudwatch",
        endpoint_url=f"http://127.0.0.1:{own_server.port}",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
        region_name=os.environ["AWS_DEFAULT_REGION"],
    )
    client.put_metric_alarm(AlarmName="a", Namespace="n", MetricName="m", Period=60, **COUNTS)
    client.set_alarm_state(AlarmName="a", StateValue="OK", StateReason="a test")
    client.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 7.0}])
    client.put_dashboard(DashboardName="d", DashboardBody='{"widgets": []}')
    own_server.kill()
    own_server.start()
    assert [alarm["AlarmName"] for alarm in client.describe_alarms()["MetricAlarms"]] == ["a"]
    summaries = [item["HistorySummary"] for item in client.describe_alarm_history(AlarmName="a")["AlarmHistoryItems"]]
    assert 'Alarm "a" created' in summaries
    assert "Alarm updated from INSUFFICIENT_DATA to OK" in summaries
    told = client.get_metric_statistics(Namespace="n", MetricName="m", **window(), Period=60, Statistics=["Sum"])
    assert [point["Sum"] for point in told["Datapoints"]] == [7.0]
    assert client.get_dashboard(DashboardName="d")["DashboardBody"] == '{"widgets": []}'
