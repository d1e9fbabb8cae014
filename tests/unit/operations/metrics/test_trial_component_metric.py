import json
from typing import Any

import pytest

from sagewright.testing.asker import Asker

ARN = "arn:aws:sagemaker:us-east-1:123456789012:experiment-trial-component/lemon"


@pytest.fixture
def component(asker: Asker) -> str:
    asker.call("CreateTrialComponent", TrialComponentName="lemon")
    return "lemon"


def ask(asker: Asker, method: str, path: str, members: dict[str, Any], status: int = 200) -> Any:
    answer = asker.ask(method, path, body=json.dumps(members).encode(), headers={"content-type": "application/json"})
    assert answer.status == status, answer.body
    return json.loads(answer.body)


def put(asker: Asker, *points: tuple[float, int | None, Any], component: str = "lemon", status: int = 200) -> Any:
    """Points of the metric `loss`: seconds from now, step, value."""
    data = [
        {
            "MetricName": "loss",
            "Timestamp": asker.now + time,
            "Value": value,
            **({} if step is None else {"Step": step}),
        }
        for time, step, value in points
    ]
    return ask(asker, "PUT", "/BatchPutMetrics", {"TrialComponentName": component, "MetricData": data}, status)


def get(asker: Asker, **query: Any) -> Any:
    whole = {
        "MetricName": "loss",
        "ResourceArn": ARN,
        "MetricStat": "Last",
        "Period": "IterationNumber",
        "XAxisType": "IterationNumber",
        **query,
    }
    (result,) = ask(asker, "POST", "/BatchGetMetrics", {"MetricQueries": [whole]})["MetricQueryResults"]
    return result


def test_points_come_back_by_iteration(asker: Asker, component: str) -> None:
    put(asker, (0, 2, 0.25), (1, 1, 0.5), (2, None, 9.0))
    put(asker, (3, 1, 0.75))
    result = get(asker)
    assert result == {"Status": "Complete", "XAxisValues": [1, 2], "MetricValues": [0.75, 0.25]}
    assert get(asker, MetricStat="Count")["MetricValues"] == [2, 1]
    assert get(asker, Start=2, End=2)["XAxisValues"] == [2]


@pytest.mark.parametrize(
    ("statistic", "value"), [("Min", 1), ("Max", 3), ("Avg", 2), ("Count", 2), ("StdDev", 1), ("Last", 1)]
)
def test_statistics_over_periods(asker: Asker, component: str, statistic: str, value: float) -> None:
    begin = asker.now // 3600 * 3600 - asker.now
    put(asker, (begin + 10, None, 3.0), (begin + 50, None, 1.0), (begin - 10, None, 7.0))
    axis = {"Period": "OneHour", "XAxisType": "Timestamp"}
    result = get(asker, MetricStat=statistic, **axis)
    hour = int(asker.now + begin)
    assert result["XAxisValues"] == [hour - 3600, hour]
    assert result["MetricValues"][1] == value
    assert get(asker, Start=hour, **axis)["XAxisValues"] == [hour]
    assert get(asker, Start=hour * 1000, **axis)["XAxisValues"] == [hour]


def test_a_component_sums_its_metrics_up(asker: Asker, component: str) -> None:
    put(asker, (5, None, 2.0), (1, None, 4.0))
    put(asker, (3, None, 6.0))
    (metric,) = asker.call("DescribeTrialComponent", TrialComponentName=component)["Metrics"]
    assert metric.pop("StdDev") == pytest.approx((8 / 3) ** 0.5)
    assert metric == {
        "MetricName": "loss",
        "SourceArn": ARN,
        "TimeStamp": pytest.approx(asker.now + 5, abs=1),
        "Count": 3,
        "Min": 2.0,
        "Max": 6.0,
        "Avg": 4.0,
        "Last": 2.0,
    }


def test_the_largest_numbers_do_not_overflow(asker: Asker, component: str) -> None:
    put(asker, (0, 1, 1.7e308), (0, 2, -1.7e308), (0, 3, 1.7e308))
    (metric,) = asker.call("DescribeTrialComponent", TrialComponentName=component)["Metrics"]
    assert (metric["Min"], metric["Max"]) == (-1.7e308, 1.7e308)
    assert put(asker, (0, 4, 1.0)) == {}


def test_what_cannot_be_taken_is_told_and_the_rest_is_kept(asker: Asker, component: str) -> None:
    answer = put(asker, (-15 * 86_400, 1, 1.0), (0, 2, 2.0), (3 * 3_600, 3, 3.0))
    assert answer["Errors"] == [{"Code": "VALIDATION_ERROR", "MetricIndex": index} for index in (0, 2)]
    assert get(asker)["MetricValues"] == [2.0]


def test_a_component_must_be_there(asker: Asker) -> None:
    put(asker, (0, 1, 1.0), component="none", status=400)
    result = get(asker)
    assert (result["Status"], result["XAxisValues"]) == ("ValidationError", [])
    assert "no trial component" in result["Message"]


def test_axis_and_period_belong_together(asker: Asker, component: str) -> None:
    assert get(asker, Period="OneHour")["Status"] == "ValidationError"
    assert get(asker, XAxisType="Timestamp")["Status"] == "ValidationError"


def test_metrics_go_with_their_component(asker: Asker, component: str) -> None:
    put(asker, (0, 1, 1.0))
    asker.call("DeleteTrialComponent", TrialComponentName=component)
    asker.call("CreateTrialComponent", TrialComponentName=component)
    assert "Metrics" not in asker.call("DescribeTrialComponent", TrialComponentName=component)
    assert get(asker)["XAxisValues"] == []
