"""What was used, and what it costs at AWS's prices: Cost Explorer's API, and `sagewright cost`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from .identities import user
from .refusals import refusal

SCRIPTS = Path(__file__).parents[1] / "scripts"
Request = Callable[..., dict[str, Any]]
PATIENCE = {"Delay": 0.3, "MaxAttempts": 400}


@pytest.fixture(scope="module")
def ce() -> Any:
    return boto3.client("ce")


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def period() -> dict[str, str]:
    """Yesterday to tomorrow, for a day may end while the tests run."""
    today = datetime.now(UTC).date()
    return {"Start": f"{today - timedelta(days=1)}", "End": f"{today + timedelta(days=2)}"}


@pytest.fixture(scope="module")
def team(sagemaker: Any, job_request: Request, unique: Callable[[str], str]) -> dict[str, Any]:
    """A job that a team ran and deleted: its tag's value, and what it told of itself."""
    value = unique("team")
    request = job_request(SCRIPTS / "linger.py", seconds=2)
    request["ResourceConfig"]["InstanceCount"] = 2
    sagemaker.create_training_job(**request, Tags=[{"Key": "team", "Value": value}])
    name = {"TrainingJobName": request["TrainingJobName"]}
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(**name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_training_job(**name)
    sagemaker.delete_training_job(**name)
    return {"value": value, **told}


def total(answer: dict[str, Any], metric: str) -> float:
    return sum(
        float(each["Metrics"][metric]["Amount"]) for result in answer["ResultsByTime"] for each in result["Groups"]
    )


def test_what_was_deleted_is_still_charged(ce: Any, team: dict[str, Any], period: dict[str, str]) -> None:
    answer = ce.get_cost_and_usage(
        TimePeriod=period,
        Granularity="DAILY",
        Metrics=["UnblendedCost", "UsageQuantity"],
        GroupBy=[{"Type": "TAG", "Key": "team"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
        Filter={"Tags": {"Key": "team", "Values": [team["value"]]}},
    )
    (group,) = [each for result in answer["ResultsByTime"] for each in result["Groups"]]
    assert group["Keys"] == [f"team${team['value']}", "USE1-Train:ml.m5.large"]
    hours = total(answer, "UsageQuantity")
    assert hours == pytest.approx(2 * team["TrainingTimeInSeconds"] / 3600, abs=2 * 0.6 / 3600)
    assert total(answer, "UnblendedCost") == pytest.approx(hours * 0.115, rel=0.05)


def test_hours_and_months_come_to_the_same(ce: Any, team: dict[str, Any], period: dict[str, str]) -> None:
    sums = []
    for granularity in ("HOURLY", "DAILY", "MONTHLY"):
        asked = {each: f"{day}T00:00:00Z" for each, day in period.items()} if granularity == "HOURLY" else period
        answer = ce.get_cost_and_usage(
            TimePeriod=asked,
            Granularity=granularity,
            Metrics=["UNBLENDED_COST"],
            Filter={"Tags": {"Key": "team", "Values": [team["value"]]}},
        )
        sums.append(sum(float(each["Total"]["UnblendedCost"]["Amount"]) for each in answer["ResultsByTime"]))
    assert sums == pytest.approx([sums[0]] * 3, rel=1e-5)
    assert sums[0] > 0


def test_what_serves_counts_until_now(ce: Any, talker: str, sagemaker: Any, period: dict[str, str]) -> None:
    arn = sagemaker.describe_endpoint(EndpointName=talker)["EndpointArn"]

    def hours() -> float:
        answer = ce.get_cost_and_usage_with_resources(
            TimePeriod=period,
            Granularity="MONTHLY",
            Metrics=["UsageQuantity"],
            GroupBy=[{"Type": "DIMENSION", "Key": "RESOURCE_ID"}],
            Filter={"Dimensions": {"Key": "USAGE_TYPE", "Values": ["USE1-Host"], "MatchOptions": ["STARTS_WITH"]}},
        )
        groups = [each for result in answer["ResultsByTime"] for each in result["Groups"] if each["Keys"] == [arn]]
        return sum(float(each["Metrics"]["UsageQuantity"]["Amount"]) for each in groups)

    before = hours()
    assert 0 < before < hours()


def test_what_there_is_to_group_by(ce: Any, team: dict[str, Any], period: dict[str, str]) -> None:
    def values(name: str) -> list[str]:
        found = ce.get_dimension_values(TimePeriod=period, Dimension=name)["DimensionValues"]
        return [each["Value"] for each in found]

    assert values("SERVICE") == ["Amazon SageMaker"]
    assert "ml.m5.large" in values("INSTANCE_TYPE")
    assert {"team", "aws:createdBy"} <= set(ce.get_tags(TimePeriod=period)["Tags"])
    assert ce.get_tags(TimePeriod=period, TagKey="team", SearchString=team["value"])["Tags"] == [team["value"]]


def test_the_command_tells_the_same(server: Any, team: dict[str, Any]) -> None:
    told = json.loads(server.command("cost", "--by", "tag:team", "--since", "1d", "--json"))
    (row,) = [row for row in told["rows"] if row["name"] == team["value"]]
    assert row["usd"] > 0
    assert told["total"]["usd"] >= row["usd"]
    by_name = json.loads(server.command("cost", "--by", "name", "--since", "1d", "--json"))["rows"]
    assert f"training-job/{team['TrainingJobName']}" in [row["name"] for row in by_name]
    assert "training" in server.command("cost", "--since", "1d")


def test_who_made_something_is_told_to_who_may_see_costs(
    job_request: Request, unique: Callable[[str], str], period: dict[str, str]
) -> None:
    name = unique("maker")
    maker = user(boto3.client("iam"), name, "sagemaker:*", "iam:PassRole")
    asked = {"TimePeriod": period, "Granularity": "DAILY", "Metrics": ["UnblendedCost"]}
    assert refusal(maker.client("ce").get_cost_and_usage, **asked)[0] == "AccessDeniedException"
    request = job_request(SCRIPTS / "linger.py", seconds=0)
    sagemaker = maker.client("sagemaker")
    sagemaker.create_training_job(**request)
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=request["TrainingJobName"], WaiterConfig=PATIENCE)
    viewer = user(boto3.client("iam"), unique("viewer"), "ce:GetTags").client("ce")
    makers = viewer.get_tags(TimePeriod=period, TagKey="aws:createdBy", SearchString=name)["Tags"]
    assert makers == [f"arn:aws:iam::123456789012:user/{name}"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Granularity": "DAILY", "TimePeriod": {"Start": "2026-01-02", "End": "2026-01-02"}}, "before its end"),
        ({"TimePeriod": {"Start": "2026-02-30", "End": "2026-03-02"}}, "write it like"),
        ({"TimePeriod": {"Start": "9999-12-01", "End": "9999-12-31"}, "Granularity": "MONTHLY"}, "write it like"),
        ({"TimePeriod": {"Start": "2000-01-01", "End": "2026-01-02"}}, "shorter time"),
        ({"Metrics": ["Happiness"]}, "There are: AmortizedCost"),
        ({"GroupBy": [{"Type": "DIMENSION", "Key": "AZ"}]}, "There are: INSTANCE_TYPE"),
        ({"GroupBy": [{"Type": "COST_CATEGORY", "Key": "x"}]}, "group by DIMENSION or TAG"),
        ({"Filter": {"CostCategories": {"Key": "x", "Values": ["y"]}}}, "filter by Dimensions or Tags"),
        ({"Filter": {}}, "exactly one of"),
    ],
)
def test_what_cannot_be_answered(ce: Any, period: dict[str, str], change: dict[str, Any], words: str) -> None:
    asked = {"TimePeriod": period, "Granularity": "DAILY", "Metrics": ["UnblendedCost"], **change}
    code, message = refusal(ce.get_cost_and_usage, **asked)
    assert code == "ValidationException"
    assert words in message
