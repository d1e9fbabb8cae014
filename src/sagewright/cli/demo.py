"""`sagewright demo`: the main job from nothing to a prediction, through the API that every client uses."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
from botocore.exceptions import ClientError

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.options import server_options
from sagewright.cli.status import make_client
from sagewright.compute.runtimes import Environments

IMAGE: Final = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
ENDPOINT: Final = "housing-demo"
ROWS: Final = 5
_PATIENCE: Final = 600.0
_SCORE: Final = """
import sys, json, joblib
model = joblib.load(sys.argv[1] + "/model.joblib")
print(json.dumps(model.predict(json.loads(sys.argv[2])).tolist()))
"""


@dataclass
class Steps:
    """What was done, and how long each step took."""

    done: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        click.secho(f"\n▸ {what}", bold=True)
        begun = time.monotonic()
        yield
        self.done.append((what, time.monotonic() - begun))

    def table(self) -> None:
        click.secho("\nHow long it took", bold=True)
        for what, seconds in self.done:
            click.echo(f"  {what:<58} {seconds:7.2f} s")
        click.echo(f"  {'all of it':<58} {sum(seconds for _, seconds in self.done):7.2f} s")


@click.command("demo")
@server_options
def command(settings: Settings) -> None:
    """Train on real data, deploy, predict.

    Uses the server that runs, or starts one that ends with the demo. What it makes stays in the data folder.
    """
    steps = Steps()
    with _server(settings, steps):
        _Demo(settings, steps).run()


class _Demo:
    """The steps, in the order a data scientist would take them."""

    def __init__(self, settings: Settings, steps: Steps) -> None:
        self._settings, self._steps = settings, steps
        connection = client.connect(settings)
        self._s3, self._sagemaker, self._logs, self._runtime, sts = (
            make_client(connection, name) for name in ("s3", "sagemaker", "logs", "sagemaker-runtime", "sts")
        )
        account = sts.get_caller_identity()["Account"]
        self._bucket = f"sagemaker-{connection.region}-{account}"
        self._role = f"arn:aws:iam::{account}:role/service-role/SagewrightExecutionRole"
        self._job = time.strftime("housing-%Y-%m-%d-%H-%M-%S")
        self._examples = _examples()

    def run(self) -> None:
        with self._steps.step("Upload the housing data and the training script to S3"):
            self._upload()
        with self._steps.step("Train a scikit-learn regressor (script mode)"):
            job = self._train()
        with self._steps.step("Deploy it to an endpoint"):
            self._deploy(job["ModelArtifacts"]["S3ModelArtifacts"])
        with self._steps.step("Predict, and score the same model in-process"):
            self._predict(job["ModelArtifacts"]["S3ModelArtifacts"])
        self._steps.table()
        self._say_where(job)

    def _upload(self) -> None:
        try:
            self._s3.head_bucket(Bucket=self._bucket)
        except ClientError:
            self._s3.create_bucket(Bucket=self._bucket)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            tar.add(self._examples / "housing" / "train.py", "train.py")
        self._s3.put_object(Bucket=self._bucket, Key="demo/code/sourcedir.tar.gz", Body=archive.getvalue())
        data = (self._examples / "housing.csv").read_bytes()
        self._s3.put_object(Bucket=self._bucket, Key="demo/data/housing.csv", Body=data)
        click.echo(f"  s3://{self._bucket}/demo/data/housing.csv  ({len(data):,} bytes)")

    def _train(self) -> dict[str, Any]:
        hyperparameters = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{self._bucket}/demo/code/sourcedir.tar.gz",
            "n-estimators": 300,
        }
        self._sagemaker.create_training_job(
            TrainingJobName=self._job,
            AlgorithmSpecification={
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "validation:rmse", "Regex": "validation:rmse=([0-9.]+)"}],
            },
            RoleArn=self._role,
            HyperParameters={name: json.dumps(value) for name, value in hyperparameters.items()},
            InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": f"s3://{self._bucket}/demo/data/"}}}],
            OutputDataConfig={"S3OutputPath": f"s3://{self._bucket}/demo/models"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )  # fmt: skip
        job = self._follow()
        if job["TrainingJobStatus"] != "Completed":
            raise click.ClickException(f"The job ended as {job['TrainingJobStatus']}: {job.get('FailureReason')}")
        for metric in job.get("FinalMetricDataList", ()):
            click.echo(f"  {metric['MetricName']} = {metric['Value']:.4f}")
        return job

    def _follow(self) -> dict[str, Any]:
        """Print each stage and each log line as they come, until the job has ended."""
        said, printed = "", 0
        end = time.monotonic() + _PATIENCE
        while True:
            job: dict[str, Any] = self._sagemaker.describe_training_job(TrainingJobName=self._job)
            if job["SecondaryStatus"] != said:
                said = job["SecondaryStatus"]
                click.echo(f"  {said}: {job['SecondaryStatusTransitions'][-1]['StatusMessage']}")
            lines = self._log_lines()
            for line in lines[printed:]:
                click.secho(f"    | {line}", dim=True)
            printed = len(lines)
            if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"):
                return job
            if time.monotonic() > end:
                raise click.ClickException(f"The job did not end within {_PATIENCE:.0f} s.")
            time.sleep(0.1)

    def _log_lines(self) -> list[str]:
        try:
            found = self._logs.filter_log_events(
                logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{self._job}/"
            )
        except ClientError:
            return []  # nothing was printed yet
        return [event["message"] for event in found["events"]]

    def _deploy(self, artifact: str) -> None:
        self._sagemaker.create_model(
            ModelName=self._job,
            ExecutionRoleArn=self._role,
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": artifact,
                "Environment": {
                    "SAGEMAKER_PROGRAM": "train.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{self._bucket}/demo/code/sourcedir.tar.gz",
                },
            },
        )
        variant = {"VariantName": "AllTraffic", "ModelName": self._job, "InstanceType": "ml.m5.large"}
        self._sagemaker.create_endpoint_config(
            EndpointConfigName=self._job, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
        )
        try:
            self._sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=self._job)
        except ClientError:  # an earlier demo made it: give it the new model
            self._sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName=self._job)
        end = time.monotonic() + _PATIENCE
        while (endpoint := self._sagemaker.describe_endpoint(EndpointName=ENDPOINT))["EndpointStatus"] != "InService":
            if endpoint["EndpointStatus"] == "Failed" or time.monotonic() > end:
                raise click.ClickException(f"The endpoint failed: {endpoint.get('FailureReason')}")
            time.sleep(0.1)
        click.echo(f"  endpoint {ENDPOINT} is InService")

    def _predict(self, artifact: str) -> None:
        lines = (self._examples / "housing.csv").read_text().splitlines()[:ROWS]
        rows = [[float(value) for value in line.split(",")] for line in lines]
        features = [row[:-1] for row in rows]
        answer = self._runtime.invoke_endpoint(
            EndpointName=ENDPOINT, ContentType="application/json", Accept="application/json", Body=json.dumps(features)
        )
        served = json.loads(answer["Body"].read())
        scored = self._score(artifact, features)
        click.echo(f"  {'median value':>14} {'endpoint':>12} {'in-process':>12}")
        for row, here, there in zip(rows, served, scored, strict=True):
            click.echo(f"  {row[-1]:>14.1f} {here:>12.4f} {there:>12.4f}")
        if any(abs(here - there) > 1e-4 * abs(there) for here, there in zip(served, scored, strict=True)):
            raise click.ClickException("The endpoint's predictions differ from the model's own.")
        click.secho("  They agree.", fg="green")

    def _score(self, artifact: str, features: list[list[float]]) -> list[float]:
        """The predictions of the downloaded model, loaded by the runtime's own Python."""
        key = artifact.split("/", 3)[3]
        python = Environments(self._settings.runtimes_folder).ensure("scikit-learn", click.echo) / "bin" / "python"
        with tempfile.TemporaryDirectory() as folder:
            body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(body)) as tar:
                tar.extractall(folder, filter="data")
            command = [str(python), "-c", _SCORE, folder, json.dumps(features)]
            predictions: list[float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return predictions

    def _say_where(self, job: dict[str, Any]) -> None:
        click.secho("\nWhere things are", bold=True)
        click.echo(f"  the model   {job['ModelArtifacts']['S3ModelArtifacts']}")
        click.echo(f"  its script  s3://{self._bucket}/demo/code/sourcedir.tar.gz")
        click.echo(f"  its log     group /aws/sagemaker/TrainingJobs, streams {self._job}/")
        click.echo(f"  the server  {client.url(self._settings)}   data in {self._settings.data}")
        click.echo("  look again  sagewright up &   then   sagewright status")


@contextmanager
def _server(settings: Settings, steps: Steps) -> Iterator[None]:
    """The server that runs, or one of our own until the block ends."""
    if client.health(settings) is not None:
        click.echo(f"A server runs at {client.url(settings)}: the demo uses it.")
        yield
        return
    with steps.step("Start a server"):
        arguments = ["up", "--port", str(settings.port), "--data", str(settings.data)]
        process = subprocess.Popen([sys.executable, "-m", "sagewright.cli", *arguments])
        end = time.monotonic() + 30
        while client.health(settings) is None:
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise click.ClickException("The server did not start; what it said is above.")
            time.sleep(0.02)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _examples() -> Path:
    """The example's files: beside the package when it is installed, in the checkout while it is developed."""
    package = Path(__file__).parents[1]
    for folder in (package / "examples", package.parents[1] / "examples"):
        if (folder / "housing.csv").is_file():
            return folder
    raise click.ClickException("The demo's files are not installed.")
