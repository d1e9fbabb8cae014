"""What the components of jobs tell of them."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.resources import trial_component
from sagewright.resources.record import Key, Record

TRAINING: dict[str, Any] = {
    "AlgorithmSpecification": {"TrainingImage": "image"},
    "HyperParameters": {
        "rate": "0.5",
        "kind": '"forest"',
        "no": "nan",
        "spaced": " 1",
        "thousand": "1_000",
        "n": "1e3",
    },
    "InputDataConfig": [
        {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/a"}}},
        {
            "ChannelName": "svm",
            "ContentType": "text/libsvm; x=1",
            "DataSource": {"S3DataSource": {"S3Uri": "s3://b/c"}},
        },
        {"ChannelName": "disk", "DataSource": {"FileSystemDataSource": {}}},
    ],
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5},
    "CheckpointConfig": {"S3Uri": "s3://b/checkpoints"},
    "DebugHookConfig": {"S3OutputPath": "s3://b/debug"},
}
PROCESSING: dict[str, Any] = {
    "AppSpecification": {"ImageUri": "image"},
    "ProcessingInputs": [
        {"InputName": "raw", "S3Input": {"S3Uri": "s3://b/raw"}},
        {"InputName": "features", "DatasetDefinition": {}},
    ],
    "ProcessingOutputConfig": {"Outputs": [{"OutputName": "clean", "S3Output": {"S3Uri": "s3://b/clean"}}]},
    "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
}
TRANSFORM: dict[str, Any] = {
    "ModelName": "m",
    "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/rows"}}, "ContentType": "text/csv"},
    "TransformOutput": {"S3OutputPath": "s3://b/out", "Accept": "application/json"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}


def job(kind: str, spec: dict[str, Any], state: str = "InProgress", **status: Any) -> Record:
    key = Key("123456789012", "eu-west-1", kind, "", "Job")
    return Record(key, "u", 0.0, 0.0, spec=spec, status=status, state=state)


def test_a_component_is_named_after_its_job() -> None:
    training = job("training-job", TRAINING)
    assert trial_component.name_of(training) == "Job-aws-training-job"
    assert trial_component.key_of(training).name == "job-aws-training-job"
    assert trial_component.source(training) == {
        "SourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/job",
        "SourceType": "SageMakerTrainingJob",
    }
    assert trial_component.has_component(training)
    assert not trial_component.has_component(job("endpoint", {}))


def test_numbers_among_hyperparameters_are_numbers() -> None:
    parameters = trial_component.given(job("training-job", TRAINING))["Parameters"]
    assert parameters == {
        "rate": {"NumberValue": 0.5},
        "kind": {"StringValue": '"forest"'},
        "no": {"StringValue": "nan"},
        "spaced": {"StringValue": " 1"},
        "thousand": {"StringValue": "1_000"},
        "n": {"NumberValue": 1000.0},
        "SageMaker.ImageUri": {"StringValue": "image"},
        "SageMaker.InstanceCount": {"NumberValue": 2.0},
        "SageMaker.InstanceType": {"StringValue": "ml.m5.large"},
        "SageMaker.VolumeSizeInGB": {"NumberValue": 5.0},
    }


def test_what_goes_in_are_artifacts() -> None:
    assert trial_component.given(job("training-job", TRAINING))["InputArtifacts"] == {
        "train": {"Value": "s3://b/a", "MediaType": "text/csv"},
        "svm": {"Value": "s3://b/c"},
    }


def test_how_a_job_ended_is_told() -> None:
    times = {"TrainingStartTime": 5.0, "TrainingEndTime": 9.0}
    model = {"S3ModelArtifacts": "s3://b/model.tar.gz"}
    assert trial_component.result(job("training-job", TRAINING, "Completed", ModelArtifacts=model, **times)) == {
        "Status": {"PrimaryStatus": "Completed", "Message": "Status: Completed"},
        "StartTime": 5.0,
        "EndTime": 9.0,
        "OutputArtifacts": {
            "SageMaker.ModelArtifact": {"Value": "s3://b/model.tar.gz"},
            "SageMaker.DebugHookOutput": {"Value": "s3://b/debug"},
        },
    }
    failed = trial_component.result(
        job("training-job", {}, "Failed", FailureReason="AlgorithmError:\nit " + "x" * 2000)
    )
    assert failed["Status"]["Message"].startswith("Status: Failed, failure reason: AlgorithmError: it xxx")
    assert len(failed["Status"]["Message"]) == 1024


@pytest.mark.parametrize(
    ("kind", "spec", "used", "made"),
    [
        (
            "training-job",
            TRAINING,
            [("s3://b/a", "DataSet"), ("s3://b/c", "DataSet"), ("image", "Image")],
            [("s3://b/checkpoints", "Checkpoint")],
        ),
        (
            "processing-job",
            PROCESSING,
            [("s3://b/raw", "DataSet"), ("image", "Image")],
            [("s3://b/clean", "DataSet")],
        ),
        ("transform-job", TRANSFORM, [("s3://b/rows", "DataSet")], [("s3://b/out", "DataSet")]),
        ("training-job", {}, [], []),
        ("processing-job", {}, [], []),
        ("transform-job", {}, [], []),
    ],
)
def test_every_job_tells_what_it_used_and_made(
    kind: str, spec: dict[str, Any], used: list[tuple[str, str]], made: list[tuple[str, str]]
) -> None:
    told = trial_component.tell(job(kind, spec))
    assert (list(told.used), list(told.made)) == (used, made)


def test_a_transform_job_has_a_component_too() -> None:
    given = trial_component.given(job("transform-job", TRANSFORM))
    assert given["Parameters"]["SageMaker.ModelName"] == {"StringValue": "m"}
    assert given["InputArtifacts"] == {"SageMaker.TransformInput": {"Value": "s3://b/rows", "MediaType": "text/csv"}}
    ended = trial_component.result(job("transform-job", TRANSFORM, "Completed"))
    assert ended["OutputArtifacts"] == {
        "SageMaker.TransformOutput": {"Value": "s3://b/out", "MediaType": "application/json"}
    }
