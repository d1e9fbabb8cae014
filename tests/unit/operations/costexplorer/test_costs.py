"""Cost Explorer's answers from a ledger that was written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.resources import usage
from sagewright.resources.owner import OWNER
from sagewright.resources.record import Key, Record
from sagewright.resources.usage import Kind, Line
from sagewright.testing.world import Client, World

DAY = 86_400.0
PERIOD = {"Start": "1970-01-01", "End": "1970-01-04"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.make(tmp_path)
    enter(made, "a", "Training", 0, team="ml")
    enter(made, "b", "Training", 1, team="web", spot=True)
    enter(made, "c", "Endpoint", 2, region="eu-west-1")
    yield made
    made.close()


@pytest.fixture
def ce(world: World) -> Client:
    return world.client("ce")


def enter(
    world: World, name: str, kind: Kind, day: int, *, region: str = "us-east-1", spot: bool = False, **tags: str
) -> None:
    """Two hours of one instance at noon."""
    start = day * DAY + 43_200
    line = Line(kind, "ml.m5.large", 1, start, start + 7200, spot, usd_per_hour=1.0, share=0.3 if spot else 1.0)
    key = Key(world.services.settings.account, region, "training-job", "", name)
    about = Record(key, name, 0, 0, status={"TrainingJobArn": f"arn:{name}", OWNER: f"user/{name}"}, tags=tags)
    world.services.store.create(usage.new(about, name, [line]))


def asked(ce: Client, **more: Any) -> dict[str, Any]:
    request = {"TimePeriod": PERIOD, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost", "UsageQuantity"], **more}
    return dict(ce.get_cost_and_usage_with_resources(**request))


def groups(answer: dict[str, Any]) -> dict[str, str]:
    (month,) = answer["ResultsByTime"]
    return {"+".join(each["Keys"]): each["Metrics"]["UnblendedCost"]["Amount"] for each in month["Groups"]}


@pytest.mark.parametrize(
    ("by", "found"),
    [
        (
            "USAGE_TYPE",
            {"USE1-Train:ml.m5.large": "2", "USE1-Train-Spot:ml.m5.large": "0.6", "EU-Host:ml.m5.large": "2"},
        ),
        ("PURCHASE_TYPE", {"On Demand Instances": "4", "Spot Instances": "0.6"}),
        ("SERVICE", {"Amazon SageMaker": "4.6"}),
        ("REGION", {"us-east-1": "2.6", "eu-west-1": "2"}),
        ("RESOURCE_ID", {"arn:a": "2", "arn:b": "0.6", "arn:c": "2"}),
    ],
)
def test_costs_by_dimension(ce: Client, by: str, found: dict[str, str]) -> None:
    assert groups(asked(ce, GroupBy=[{"Type": "DIMENSION", "Key": by}])) == found


def test_costs_by_tag(ce: Client) -> None:
    by = [{"Type": "TAG", "Key": "team"}, {"Type": "TAG", "Key": "aws:createdBy"}]
    assert groups(asked(ce, GroupBy=by)) == {
        "team$ml+aws:createdBy$user/a": "2",
        "team$web+aws:createdBy$user/b": "0.6",
        "team$+aws:createdBy$user/c": "2",
    }


def tag(*values: str, **more: Any) -> dict[str, Any]:
    return {"Tags": {"Key": "team", "Values": list(values), **more}}


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        (tag("ml"), "a"),
        (tag("ML", MatchOptions=["CASE_INSENSITIVE"]), "a"),
        (tag("w", MatchOptions=["STARTS_WITH"]), "b"),
        (tag(MatchOptions=["ABSENT"]), "c"),
        ({"Not": tag("ml", "web")}, "c"),
        ({"Or": [tag("ml"), {"Dimensions": {"Key": "REGION", "Values": ["eu-west-1"]}}]}, "ac"),
        ({"And": [{"Not": tag("ml")}, {"Dimensions": {"Key": "REGION", "Values": ["us-east-1"]}}]}, "b"),
    ],
)
def test_filters(ce: Client, expression: dict[str, Any], names: str) -> None:
    by = [{"Type": "DIMENSION", "Key": "RESOURCE_ID"}]
    assert "".join(key[-1] for key in groups(asked(ce, GroupBy=by, Filter=expression))) == names


def test_days_come_one_by_one(ce: Client, world: World) -> None:
    answer = asked(ce, Granularity="DAILY")
    assert [each["Total"]["UsageQuantity"]["Amount"] for each in answer["ResultsByTime"]] == ["2", "2", "2"]
    assert answer["ResultsByTime"][0]["TimePeriod"] == {"Start": "1970-01-01", "End": "1970-01-02"}
    assert not answer["ResultsByTime"][0]["Estimated"]


def test_values_come_in_pages_and_by_what_they_cost(ce: Client) -> None:
    request = {"TimePeriod": PERIOD, "Dimension": "USAGE_TYPE", "MaxResults": 2}
    first = ce.get_dimension_values(**request)
    assert (first["ReturnSize"], first["TotalSize"]) == (2, 3)
    second = ce.get_dimension_values(**request, NextPageToken=first["NextPageToken"])
    assert [each["Value"] for each in second["DimensionValues"]] == ["USE1-Train:ml.m5.large"]
    cheapest = ce.get_dimension_values(**request, SortBy=[{"Key": "UnblendedCost", "SortOrder": "ASCENDING"}])
    assert cheapest["DimensionValues"][0]["Value"] == "USE1-Train-Spot:ml.m5.large"


def test_another_account_sees_nothing_of_it(world: World) -> None:
    stranger = world.as_principal(replace(world.principal, account="210987654321"))
    assert asked(stranger.client("ce"))["ResultsByTime"][0]["Total"]["UnblendedCost"]["Amount"] == "0"


@pytest.mark.parametrize("token", ["x", "9", "-1", "9" * 50])
def test_a_token_that_no_answer_gave(ce: Client, token: str) -> None:
    with pytest.raises(AwsError) as refused:
        asked(ce, NextPageToken=token)
    assert refused.value.code == "InvalidNextTokenException"
