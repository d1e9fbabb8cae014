"""MLflow's client with the `sagemaker-mlflow` plugin, by the tracking server's ARN: as notebooks do it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_parameters_metrics_tags_and_artifacts_are_kept_and_found(mlflow: Any, bucket: str) -> None:
    mlflow.set_experiment("houses / Häuser +1")
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_params({"depth": 3, "kind": "a b"})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.set_tag("who", "me")
        mlflow.log_text("hello", "notes/hello.txt")
    found = mlflow.search_runs(
        experiment_names=["houses / Häuser +1"], filter_string="metrics.loss < 0.3 and params.depth = '3'"
    )
    assert list(found["run_id"]) == [run.info.run_id]
    assert (found["params.kind"][0], found["tags.who"][0], found["metrics.loss"][0]) == ("a b", "me", 0.2)
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(step, 1 / (step + 1)) for step in range(5)]
    assert run.info.artifact_uri.startswith(f"s3://{bucket}/")
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/hello.txt") == "hello"
    assert [each.path for each in mlflow.MlflowClient().list_artifacts(run.info.run_id)] == ["notes"]


def test_a_registered_model_is_loaded_and_stands_in_sagemakers_registry(
    mlflow: Any, sagemaker: Any, eventually: Callable[..., Any]
) -> None:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    features, labels = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(features, labels)
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            model, name="model", registered_model_name="iris_flowers v1", pip_requirements=["scikit-learn"],
            serialization_format="cloudpickle",
        )  # fmt: skip
    loaded = mlflow.sklearn.load_model("models:/iris_flowers v1/1")
    assert (loaded.predict(features) == model.predict(features)).all()
    client = mlflow.MlflowClient()
    client.set_registered_model_alias("iris_flowers v1", "champion", 1)
    assert client.get_model_version_by_alias("iris_flowers v1", "champion").version == "1"

    tag = "sagemaker.model_package_arn"
    version = eventually(
        lambda: (found := client.get_model_version("iris_flowers v1", 1)) and tag in found.tags and found
    )
    package = sagemaker.describe_model_package(ModelPackageName=version.tags[tag])
    assert (package["ModelPackageGroupName"], package["ModelPackageVersion"]) == ("iris-flowers-v1", 1)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["SourceUri"].startswith("s3://")
    assert package["CustomerMetadataProperties"]["mlflow.run_id"] == version.run_id
    assert package["CreatedBy"]["IamIdentity"]["Arn"].endswith("/Runs")  # the server's role made it


def test_a_policy_says_what_may_be_asked(mlflow: Any, tracking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from mlflow.exceptions import RestException

    with mlflow.start_run() as run:
        pass
    iam = boto3.client("iam")
    iam.create_user(UserName="reader")
    allowed = ["sagemaker-mlflow:GetRun", "sagemaker-mlflow:SearchRuns"]
    statement = {"Effect": "Allow", "Action": allowed, "Resource": tracking}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="reads", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    client = mlflow.MlflowClient()
    assert client.get_run(run.info.run_id).info.run_id == run.info.run_id
    with pytest.raises(RestException, match="not authorized to perform: sagemaker-mlflow:LogParam on resource: arn"):
        client.log_param(run.info.run_id, "a", 1)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(RestException, match="signature we calculated does not match"):
        client.get_run(run.info.run_id)


def test_what_mlflow_refuses_reads_as_mlflows(mlflow: Any, tracking: str) -> None:
    from mlflow.exceptions import RestException

    with pytest.raises(RestException, match="RESOURCE_DOES_NOT_EXIST"):
        mlflow.MlflowClient().get_run("0" * 32)
    mlflow.set_tracking_uri(f"{tracking}-not")
    with pytest.raises(RestException, match="no such MLflow tracking server"):
        mlflow.search_experiments()


def test_a_training_job_logs_to_it_under_its_role(
    mlflow: Any,
    tracking: str,
    sagemaker: Any,
    job_request: Callable[..., dict[str, Any]],
    tracking_source: str,
    eventually: Callable[..., Any],
) -> None:
    """Nothing in the job's script or request is made for this server."""
    request = job_request()
    request["HyperParameters"]["sagemaker_submit_directory"] = json.dumps(tracking_source)
    request["HyperParameters"]["sagemaker_program"] = json.dumps("track.py")
    request["Environment"] = {"MLFLOW_TRACKING_URI": tracking, "GIT_PYTHON_REFRESH": "quiet"}
    sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    done = eventually(
        lambda: (
            (told := sagemaker.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] != "InProgress"
            and told
        )
    )
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    rows = len((Path(__file__).parents[3] / "examples" / "housing.csv").read_text().splitlines())
    (run,) = mlflow.search_runs(experiment_names=["jobs"], filter_string=f"tags.job = '{name}'", output_format="list")
    assert (run.data.params["source"], run.data.metrics["rows"]) == ("train", rows)
    assert mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/told.json") == {"job": name}
