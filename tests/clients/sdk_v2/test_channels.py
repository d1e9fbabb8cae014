"""TrainingInput and FileSystemInput: every mode and data type, as estimators submit them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import FileSystemInput, ShuffleConfig, TrainingInput
from sagemaker.sklearn import SKLearn

CLIENTS = Path(__file__).parents[1]
HOUSING = CLIENTS.parents[1] / "examples" / "housing.csv"
ROWS = "506 r2 0.7406"
Fit = Callable[..., Mapping[str, str]]


@pytest.fixture(scope="module")
def fit(session: Any, role: str) -> Fit:
    """Fits on a channel; what the script said, by the first word of each line."""

    def fit(channel: Any, **options: Any) -> Mapping[str, str]:
        estimator = SKLearn(
            entry_point=str(CLIENTS / "scripts" / "train_on_a_channel.py"),
            role=role,
            instance_type="ml.m5.large",
            framework_version="1.2-1",
            sagemaker_session=session,
            **options,
        )
        estimator.fit({"train": channel}, wait=False)
        waiter = session.sagemaker_client.get_waiter("training_job_completed_or_stopped")
        name = estimator.latest_training_job.name
        waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        logs = session.boto_session.client("logs")
        group = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": f"{name}/"}
        lines = [event["message"] for event in logs.filter_log_events(**group)["events"]]
        return {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in lines}

    return fit


@pytest.fixture(scope="module")
def place(session: Any) -> str:
    """The houses in six objects, a manifest and an augmented manifest of them."""
    s3, bucket = session.boto_session.client("s3"), session.default_bucket()
    lines = [line + "\n" for line in HOUSING.read_text().splitlines()]
    parts = ["".join(lines[start : start + 100]) for start in range(0, 501, 100)]
    for number, part in enumerate(parts):
        s3.put_object(Bucket=bucket, Key=f"channels/parts/{number}.csv", Body=part)
    names = [f"{number}.csv" for number in range(len(parts))]
    prefix = f"s3://{bucket}/channels/parts/"
    manifest = json.dumps([{"prefix": prefix}, *names])
    s3.put_object(Bucket=bucket, Key="channels/manifest", Body=manifest)
    augmented = "".join(json.dumps({"source-ref": prefix + name, "number": 1}) + "\n" for name in names)
    s3.put_object(Bucket=bucket, Key="channels/augmented", Body=augmented)
    return f"s3://{bucket}/channels"


def test_the_estimators_mode_holds_unless_a_channel_has_its_own(fit: Fit, place: str) -> None:
    assert fit(TrainingInput(f"{place}/parts/"), input_mode="Pipe")["bytes"]
    said = fit(TrainingInput(f"{place}/parts/", input_mode="FastFile"), input_mode="Pipe")
    assert (said["written"], said["rows"]) == ("- - - -", ROWS)


def test_manifests(fit: Fit, place: str) -> None:
    said = fit(TrainingInput(f"{place}/manifest", s3_data_type="ManifestFile", distribution="ShardedByS3Key"))
    assert json.loads(said["files"]) == [f"{number}.csv" for number in range(6)]
    assert json.loads(said["config"])["S3DistributionType"] == "ShardedByS3Key"
    assert said["rows"] == ROWS


def test_pipes_with_records_in_another_order_each_epoch(fit: Fit, place: str) -> None:
    said = fit(
        TrainingInput(
            f"{place}/augmented",
            s3_data_type="AugmentedManifestFile",
            attribute_names=["source-ref"],
            record_wrapping="RecordIO",
            shuffle_config=ShuffleConfig(7),
            input_mode="Pipe",
        )
    )
    assert (said["records"], said["orders"], said["rows"]) == ("6", "differ True", ROWS)


def test_a_built_in_algorithm_reads_pipes(session: Any, role: str) -> None:
    s3, bucket = session.boto_session.client("s3"), session.default_bucket()
    rows = [line.split(",") for line in HOUSING.read_text().splitlines()]
    for number, start in enumerate(range(0, len(rows), 100)):
        text = "".join(",".join([row[-1], *row[:-1]]) + "\n" for row in rows[start : start + 100])
        s3.put_object(Bucket=bucket, Key=f"channels/first/{number}.csv", Body=text)
    estimator = Estimator(
        image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1"),
        role,
        1,
        "ml.m5.large",
        input_mode="Pipe",
        sagemaker_session=session,
        hyperparameters={"objective": "reg:squarederror", "num_round": 10},
    )
    estimator.fit({"train": TrainingInput(f"s3://{bucket}/channels/first/", content_type="text/csv")}, logs=False)
    metrics = session.describe_training_job(estimator.latest_training_job.name)["FinalMetricDataList"]
    assert next(each["Value"] for each in metrics if each["MetricName"] == "train:rmse") < 3


def test_file_systems(fit: Fit, server: Any, tmp_path: Path) -> None:
    (tmp_path / "houses").mkdir()
    (tmp_path / "houses" / "all.csv").write_text(HOUSING.read_text())
    server.command("file-system", "attach", "fs-00112233445566778", str(tmp_path))
    said = fit(FileSystemInput("fs-00112233445566778", "EFS", "/houses"))
    assert (said["files"], said["rows"], said["written"]) == ('["all.csv"]', ROWS, "- - - -")
