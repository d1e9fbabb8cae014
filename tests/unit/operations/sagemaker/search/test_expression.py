from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.sagemaker.search.document import by_name
from sagewright.operations.sagemaker.search.expression import equalities
from sagewright.operations.sagemaker.search.expression import test_of as passes

JOB = by_name(
    {
        "TrainingJobName": "house",
        "CreationTime": 1_700_000_000.5,
        "EnableNetworkIsolation": True,
        "HyperParameters": {"rate.first": "0.5", "kind": "tree"},
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/train"}}},
            {"ChannelName": "test", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/other"}}},
        ],
        "FinalMetricDataList": [{"MetricName": "loss", "Value": 0.25, "Timestamp": 1}],
        "Tags": [{"Key": "team.name", "Value": "blue"}],
    }
)
KNOWN = {member.lower() for member in (*JOB, "FailureReason")}


def matches(expression: dict[str, Any]) -> bool:
    return bool(passes(expression, KNOWN)(JOB))


@pytest.mark.parametrize(
    ("name", "operator", "value", "match"),
    [
        ("TrainingJobName", None, "house", True),
        ("TrainingJobName", "Equals", "House", False),
        ("trainingJobName", "NotEquals", "flat", True),
        ("TrainingJobName", "Contains", "ous", True),
        ("TrainingJobName", "In", "flat, house", True),
        ("TrainingJobName", "In", "flat,hous", False),
        ("TrainingJobName", "GreaterThan", "1", False),
        ("CreationTime", "GreaterThan", "2023-11-14T00:00:00", True),
        ("CreationTime", "LessThan", "2023-11-14T22:13:20Z", False),
        ("CreationTime", "LessThanOrEqualTo", "1700000000.5", True),
        ("CreationTime", "Equals", "1700000000.5", True),
        ("CreationTime", "GreaterThan", "yesterday", False),
        ("EnableNetworkIsolation", "Equals", "true", True),
        ("EnableNetworkIsolation", "Equals", "false", False),
        ("HyperParameters.rate.first", "GreaterThanOrEqualTo", "0.5", True),
        ("HyperParameters.kind", "Equals", "tree", True),
        ("metrics.loss.value", "LessThan", "0.3", True),
        ("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", "other", True),
        ("Metrics.loss", "LessThan", "0.3", True),
        ("Metrics.Loss", "LessThan", "0.3", False),
        ("FinalMetricDataList.Value", "LessThan", "0.3", True),
        ("Tags.team.name", "Equals", "blue", True),
        ("Tags", "Contains", "team", True),
        ("Tags.other", "Exists", None, False),
        ("InputDataConfig", "Exists", None, True),
        ("FailureReason", "NotExists", None, True),
        ("FailureReason", "NotEquals", "x", True),
        ("Nonsense", "NotExists", None, False),
        ("Nonsense", "NotEquals", "x", False),
        ("Nonsense.Name", "Equals", "x", False),
    ],
)
def test_every_operator(name: str, operator: str | None, value: str | None, match: bool) -> None:
    condition = {"Name": name, "Operator": operator, "Value": value}
    given = {member: each for member, each in condition.items() if each is not None}
    assert matches({"Filters": [given]}) is match


def test_nested_filters_are_about_one_element() -> None:
    def asked(channel: str) -> bool:
        filters = [
            {"Name": "InputDataConfig.ChannelName", "Value": channel},
            {"Name": "InputDataConfig.DataSource.S3DataSource.S3Uri", "Operator": "Contains", "Value": "/train"},
        ]
        return matches({"NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": filters}]})

    assert asked("train")
    assert not asked("test")


def test_expressions_join_by_and_or_or() -> None:
    yes, no = {"Name": "TrainingJobName", "Value": "house"}, {"Name": "TrainingJobName", "Value": "flat"}
    assert not matches({"Filters": [yes, no]})
    assert matches({"Filters": [yes, no], "Operator": "Or"})
    assert matches({"SubExpressions": [{"Filters": [no]}, {"Filters": [yes]}], "Operator": "Or"})
    assert not matches({"Filters": [yes], "SubExpressions": [{"Filters": [no]}]})


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ({}, "at least one"),
        ({"SubExpressions": [{}]}, "at least one"),
        ({"Filters": [{"Name": "TrainingJobName"}]}, "needs a Value"),
        ({"SubExpressions": [{"Filters": [{"Name": "a", "Value": "b"}] * 20}] * 3}, "may have 50 conditions"),
        ({"Filters": [{"Name": "RoleArn", "Operator": "Contains", "Value": "b"}] * 2}, "usage limit of 1 exceeded"),
    ],
)
def test_what_does_not_hold_together(expression: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AwsError, match=sentence):
        passes(expression, KNOWN)


def test_what_every_match_must_equal() -> None:
    name, other = {"Name": "a", "Value": "1"}, {"Name": "b", "Operator": "Equals", "Value": "2"}
    assert list(equalities({"Filters": [name], "SubExpressions": [{"Filters": [other]}]})) == [("a", "1"), ("b", "2")]
    assert list(equalities({"Filters": [name, other], "Operator": "Or"})) == []
    assert list(equalities({"Filters": [name], "Operator": "Or"})) == [("a", "1")]
