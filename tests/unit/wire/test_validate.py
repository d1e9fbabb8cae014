"""Constraint violations, in AWS's words."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.wire.model import service
from sagewright.wire.validate import validate

GOOD: dict[str, Any] = {
    "TrainingJobName": "job-1",
    "AlgorithmSpecification": {"TrainingImage": "image:1", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::123456789012:role/R",
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
S3_SOURCE = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/k"}}


def complaint(params: dict[str, Any], operation: str = "CreateTrainingJob", name: str = "sagemaker") -> str:
    with pytest.raises(AwsError) as caught:
        validate(service(name).operation_model(operation), params)
    assert caught.value.status == 400
    return caught.value.message


def test_a_good_request_passes() -> None:
    validate(service("sagemaker").operation_model("CreateTrainingJob"), GOOD)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"TrainingJobName": "a_b"},
            "Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must satisfy regular expression "
            "pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        (
            {"TrainingJobName": "a" * 64},
            f"Value '{'a' * 64}' at 'trainingJobName' failed to satisfy constraint: Member must have length less "
            "than or equal to 63",
        ),
        (
            {"RoleArn": None},
            "Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"AlgorithmSpecification": {"TrainingInputMode": "Files"}},
            "Value 'Files' at 'algorithmSpecification.trainingInputMode' failed to satisfy constraint: Member must "
            "satisfy enum value set: [Pipe, File, FastFile]",
        ),
        (
            {"ResourceConfig": {**GOOD["ResourceConfig"], "InstanceCount": -1}},
            "Value '-1' at 'resourceConfig.instanceCount' failed to satisfy constraint: Member must have value "
            "greater than or equal to 0",
        ),
        (
            {"InputDataConfig": [{"ChannelName": "a", "DataSource": S3_SOURCE}, {"DataSource": S3_SOURCE}]},
            "Value null at 'inputDataConfig.2.member.channelName' failed to satisfy constraint: Member must not be "
            "null",
        ),
        (
            {"InputDataConfig": [None]},
            "Value null at 'inputDataConfig.1.member' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"Tags": [{"Key": "k", "Value": "v" * 257}]},
            f"Value '{'v' * 257}' at 'tags.1.member.value' failed to satisfy constraint: Member must have length "
            "less than or equal to 256",
        ),
        (
            {"VpcConfig": {"Subnets": ["s_1"], "SecurityGroupIds": ["sg"]}},
            "Value '[s_1]' at 'vpcConfig.subnets' failed to satisfy constraint: Member must satisfy constraint: "
            "[Member must have length less than or equal to 32, Member must satisfy regular expression pattern: "
            "[-0-9a-zA-Z]+]",
        ),
        (
            {"HyperParameters": {"k": "v" * 2501}},
            f"Value '{{k={'v' * 297}…' at 'hyperParameters' failed to satisfy constraint: Map value must satisfy "
            "constraint: [Member must have length less than or equal to 2500, Member must satisfy regular "
            "expression pattern: .*]",
        ),
    ],
)
def test_one_violation(changes: dict[str, Any], words: str) -> None:
    params = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    assert complaint(params) == f"1 validation error detected: {words}"


@pytest.mark.parametrize(
    "problem", [{}, {"TabularJobConfig": {"TargetAttributeName": "y"}, "TimeSeriesForecastingJobConfig": None}]
)
def test_of_a_union_exactly_one_member_is_given(problem: dict[str, Any]) -> None:
    request = {
        "AutoMLJobName": "a",
        "AutoMLJobInputDataConfig": [],
        "OutputDataConfig": {"S3OutputPath": "s3://b"},
        "RoleArn": GOOD["RoleArn"],
        "AutoMLProblemTypeConfig": {name: value or {} for name, value in problem.items()},
    }
    message = complaint(request, "CreateAutoMLJobV2")
    assert (
        "Value at 'autoMLProblemTypeConfig' failed to satisfy constraint: Member must have exactly one of: " in message
    )


def test_several_violations_are_counted_and_joined() -> None:
    message = complaint({**GOOD, "TrainingJobName": "a_b", "RoleArn": "short"})
    assert message.startswith("3 validation errors detected: Value 'a_b' at 'trainingJobName'")
    assert "; Value 'short' at 'roleArn' failed to satisfy constraint: Member must have length greater" in message


def test_everything_missing() -> None:
    shape = service("sagemaker").operation_model("CreateTrainingJob").input_shape
    assert shape is not None
    assert complaint({}).count("Member must not be null") == len(shape.required_members) > 2


def test_sensitive_values_are_not_echoed() -> None:
    params = {"WorkforceName": "w", "OidcConfig": {"ClientSecret": "§" * 2000}}
    assert "§" not in complaint(params, "CreateWorkforce")
    assert "Value at 'oidcConfig.clientSecret' failed to satisfy" in complaint(params, "CreateWorkforce")


def test_long_values_are_cut() -> None:
    assert len(complaint({**GOOD, "TrainingJobName": "a" * 10**6})) < 600


@pytest.mark.parametrize(
    ("name", "operation", "code"),
    [
        ("sagemaker-runtime", "InvokeEndpoint", "ValidationError"),
        ("sagemaker", "CreateModel", "ValidationException"),
        ("logs", "CreateLogGroup", "InvalidParameterException"),
        ("iam", "CreateRole", "ValidationError"),
    ],
)
def test_each_service_has_its_own_code(name: str, operation: str, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        validate(service(name).operation_model(operation), {})
    assert caught.value.code == code


def test_a_shape_that_contains_itself() -> None:
    inner: dict[str, Any] = {"Filters": [{"Name": "n"}]}
    for _ in range(20):
        inner = {"SubExpressions": [inner]}
    validate(service("sagemaker").operation_model("Search"), {"Resource": "TrainingJob", "SearchExpression": inner})
    for _ in range(5000):
        inner = {"SubExpressions": [inner]}
    assert "nested" in complaint({"Resource": "TrainingJob", "SearchExpression": inner}, "Search")


def test_a_streaming_payload_is_not_looked_at() -> None:
    validate(service("sagemaker-runtime").operation_model("InvokeEndpoint"), {"EndpointName": "e", "Body": object()})


def test_a_hostile_name_costs_nothing() -> None:
    start = time.thread_time()  # a processor's: that of a busy machine's clock says nothing
    complaint({**GOOD, "TrainingJobName": "a-" * 500_000})
    complaint({**GOOD, "TrainingJobName": "a" * 62 + "!"})
    assert time.thread_time() - start < 1.0
