"""Jobs that name an algorithm: checked against it, and completed by it."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
PARAMETERS: list[dict[str, Any]] = [
    {
        "Name": "depth",
        "Type": "Integer",
        "Range": {"IntegerParameterRangeSpecification": {"MinValue": "1", "MaxValue": "9"}},
        "IsRequired": True,
    },
    {"Name": "rate", "Type": "Continuous", "DefaultValue": "0.3"},
    {
        "Name": "mode",
        "Type": "Categorical",
        "Range": {"CategoricalParameterRangeSpecification": {"Values": ["fast", "exact"]}},
    },
]
CHANNELS: list[dict[str, Any]] = [
    {"Name": "train", "IsRequired": True, "SupportedContentTypes": ["text/csv"], "SupportedInputModes": ["File"]},
    {"Name": "extra", "SupportedContentTypes": ["text/csv"], "SupportedInputModes": ["File", "Pipe"]},
]
TRAINING: dict[str, Any] = {
    "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    "SupportedHyperParameters": PARAMETERS,
    "SupportedTrainingInstanceTypes": ["ml.m5.large"],
    "TrainingChannels": CHANNELS,
    "MetricDefinitions": [{"Name": "rmse", "Regex": "rmse=(.*)"}],
}


def channel(name: str, **members: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/data"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}} | members


def request(**members: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": "job",
        "AlgorithmSpecification": {"AlgorithmName": "tree", "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {"depth": "3"},
        "InputDataConfig": [channel("train")],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    } | members


@pytest.fixture
def algorithm(asker: Asker) -> str:
    """An algorithm's ARN."""
    return str(asker.call("CreateAlgorithm", AlgorithmName="tree", TrainingSpecification=TRAINING)["AlgorithmArn"])


def test_the_algorithm_completes_the_job(asker: Asker, algorithm: str) -> None:
    named = {"AlgorithmName": algorithm, "TrainingInputMode": "File"}
    asker.call("CreateTrainingJob", **request(AlgorithmSpecification=named))
    job = asker.call("DescribeTrainingJob", TrainingJobName="job")
    assert job["AlgorithmSpecification"] == {**named, "MetricDefinitions": TRAINING["MetricDefinitions"]}
    assert job["HyperParameters"] == {"depth": "3", "rate": "0.3"}


@pytest.mark.usefixtures("algorithm")
@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"HyperParameters": {}}, "requires the hyperparameters depth"),
        ({"HyperParameters": {"depth": "3", "width": "1"}}, "has no hyperparameters width"),
        ({"HyperParameters": {"depth": "3.5"}}, "depth must be a whole number, not '3.5'"),
        ({"HyperParameters": {"depth": "12"}}, "depth must be from 1 to 9, not 12"),
        ({"HyperParameters": {"depth": "3", "rate": "nan"}}, "rate must be a number"),
        ({"HyperParameters": {"depth": "3", "mode": "slow"}}, "mode must be one of fast, exact"),
        ({"InputDataConfig": [channel("extra")]}, "requires the channels train"),
        ({"InputDataConfig": [channel("train"), channel("other")]}, "has no channel 'other'"),
        ({"InputDataConfig": [channel("train", InputMode="Pipe")]}, "does not support the input mode Pipe"),
        ({"InputDataConfig": [channel("train", ContentType="text/x")]}, "does not support the content type text/x"),
        (
            {"ResourceConfig": {"InstanceType": "ml.p3.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}},
            r"does not run on ml\.p3\.2xlarge",
        ),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}},
            "does not support distributed training",
        ),
        ({"AlgorithmSpecification": {"AlgorithmName": "bush", "TrainingInputMode": "File"}}, "Could not find"),
    ],
)
def test_what_the_algorithm_does_not_take_is_refused(asker: Asker, members: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        asker.call("CreateTrainingJob", **request(**members))
    assert asker.call("ListTrainingJobs")["TrainingJobSummaries"] == []
