"""Training jobs, endpoints and transform jobs of the built-in algorithms, and the same work by a script without us."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from bench import peers
from bench.base import OURS, ROOT, Figure, Missing, Run, rate

BUCKET: Final = "bench"
_INSTANCE: Final = "ml.m5.large"
_REGISTRY: Final = "382416733822.dkr.ecr.us-east-1.amazonaws.com"
_GOAL: Final = 1.2
"""How many times the other's time a job may take."""


class Learnt(NamedTuple):
    """What a job learns from: channels are content types by addresses, by channels' names."""

    image: str
    hyperparameters: Mapping[str, object]
    channels: Mapping[str, tuple[str, str]]


class Asked(NamedTuple):
    """What a model is asked. `given` is the content type, `wanted` that of the answers."""

    given: str
    wanted: str
    every: int
    """Rows, or images, a request."""
    body: bytes
    source: str
    """The address of what is batch-scored."""
    split: str = "Line"


def chosen(run: Run, cases: Collection[str]) -> Sequence[str]:
    """The cases that are to be measured. Raises Missing for one that there is not."""
    names = run.only or tuple(cases)
    if unknown := [name for name in names if name not in cases]:
        raise Missing(f"there is no {', '.join(unknown)}; there are {', '.join(cases)}.")
    return names


def sizes(run: Run, all_of_them: Sequence[int]) -> Sequence[int]:
    """Those of a case's sizes that are to be measured."""
    return [rows for rows in all_of_them if rows in run.sizes or not run.sizes]


def of_each(run: Run, names: Sequence[str], measure: Callable[[str], Iterable[Figure]]) -> list[Figure]:
    """The figures of all cases, as far as each comes: where one fails, a note says why, and the others go on."""
    found: list[Figure] = []
    for name in names:
        try:
            for figure in measure(name):
                found.append(figure)
                run.say(told(figure))
        except (RuntimeError, subprocess.SubprocessError, BotoCoreError, ClientError) as error:
            run.failed.append(name)
            run.note(f"{name} failed, and has no more figures than there are above: {str(error).strip()[-300:]}")
            run.say(run.notes[-1])
    return found


def told(figure: Figure) -> str:
    """A figure in a line."""
    medians = ((name, figure.median(name)) for name in figure.samples)
    shown = ", ".join(f"{name} {median:,.4g} {figure.unit}" for name, median in medians if median is not None)
    return f"{figure.what}: {shown}"


class Work(ABC):
    """Our server's jobs and endpoints, beside scripts that do the same. `bare` is what these are called; `patience` is
    in seconds."""

    def __init__(self, run: Run, peer: peers.Peer, data: Path, *, bare: str, patience: float) -> None:
        keys = peers.our_keys(peer, data)
        self.run, self._role, self._bare, self.patience = run, peers.role_arn(peer), bare, patience
        self.s3, self._sagemaker, self._runtime = (
            peers.client(name, peer, keys) for name in ("s3", "sagemaker", "sagemaker-runtime")
        )
        self._numbers = itertools.count()
        self._model = ""
        self.s3.create_bucket(Bucket=BUCKET)

    @abstractmethod
    def learnt(self, name: str, rows: int) -> Learnt:
        """What a case's job is given."""

    @abstractmethod
    def asked(self, name: str, rows: int) -> Asked:
        """What its model is asked."""

    @abstractmethod
    def script(self, name: str) -> tuple[Path, str]:
        """The Python environment and the script of `bench/apps` that do the same."""

    @abstractmethod
    def folder(self, name: str, rows: int) -> Path:
        """Where the script finds its files."""

    # What is measured.

    def training(self, name: str, rows: int, what: str, *, warm: bool) -> Figure:
        """From CreateTrainingJob to Completed, beside the script; `what` are the rows."""
        figure = Figure(f"{name}, trained on {rows:,} {what}", "s", more=False, goal=_GOAL, share_of=self._bare)
        subjects = {
            OURS: lambda: {figure.what: self._trained(name, rows)},
            self._bare: lambda: {figure.what: self._timed(name, rows, "train")},
        }
        self.run.alternate(f"{name} {rows:,}", [figure], subjects, warm=warm)
        return figure

    def serving(self, name: str, rows: int, several: str, scored: str, *, warm: bool = True) -> Sequence[Figure]:
        """Requests one after the other, and a batch transform job, of the model that was trained last; `several` are
        what is served and how many a request, `scored` what is scored and how many."""
        served = Figure(f"{name}, {several}", "/s")
        batch = Figure(f"{name}, {scored} batch-scored", "s", more=False, share_of=self._bare)
        ask, seconds = self.asked(name, rows), self.run.amount(3, 0.5)
        self._deploy(name, self.learnt(name, rows).image)
        subjects = {
            OURS: lambda: {served.what: self._served(name, ask, seconds), batch.what: self._scored(name, ask)},
            self._bare: lambda: {
                served.what: float(self.app(name, "rate", self.folder(name, rows), seconds)),
                batch.what: self._timed(name, rows, "predict"),
            },
        }
        try:
            self.run.alternate(f"{name}, serving", [served, batch], subjects, warm=warm)
        finally:
            self._sagemaker.delete_endpoint(EndpointName=name)  # the machine is the next one's
        return [served, batch]

    # Ours.

    def train(self, name: str, rows: int) -> Mapping[str, Any]:
        """The description of a job on one instance that is completed."""
        job, learnt = f"{name}-{rows}-{next(self._numbers)}", self.learnt(name, rows)
        self._sagemaker.create_training_job(
            TrainingJobName=job,
            AlgorithmSpecification={"TrainingImage": _image(learnt.image), "TrainingInputMode": "File"},
            RoleArn=self._role,
            HyperParameters={key: str(value) for key, value in learnt.hyperparameters.items()},
            InputDataConfig=[_channel(channel, *told) for channel, told in learnt.channels.items()],
            OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models"},
            ResourceConfig={"InstanceType": _INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 10},
            StoppingCondition={"MaxRuntimeInSeconds": int(self.patience)},
        )
        told = self._ended(job, lambda: self._sagemaker.describe_training_job(TrainingJobName=job), "TrainingJobStatus")
        self._model = told["ModelArtifacts"]["S3ModelArtifacts"]
        return told

    def _trained(self, name: str, rows: int) -> float:
        """Seconds, the job's start and the upload of its model included."""
        begun = time.perf_counter()
        self.train(name, rows)
        return time.perf_counter() - begun

    def _deploy(self, name: str, algorithm: str) -> None:
        container = {"Image": _image(algorithm), "ModelDataUrl": self._model}
        self._sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self._role)
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": _INSTANCE, "InitialInstanceCount": 1}
        self._sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        self._sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        self._ended(name, lambda: self._sagemaker.describe_endpoint(EndpointName=name), "EndpointStatus")

    def _served(self, name: str, ask: Asked, seconds: float) -> float:
        """Rows a second."""

        def call() -> None:
            answer = self._runtime.invoke_endpoint(
                EndpointName=name, Body=ask.body, ContentType=ask.given, Accept=ask.wanted
            )
            answer["Body"].read()

        call()  # what is loaded at the first is no part of a rate
        return rate(call, seconds, every=ask.every)

    def _scored(self, name: str, ask: Asked) -> float:
        """Seconds of a batch transform job."""
        job = f"{name}-{next(self._numbers)}"
        begun = time.perf_counter()
        self._sagemaker.create_transform_job(
            TransformJobName=job,
            ModelName=name,
            TransformInput={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": ask.source}},
                "ContentType": ask.given,
                "SplitType": ask.split,
            },
            TransformOutput={
                "S3OutputPath": f"s3://{BUCKET}/{job}",
                "Accept": ask.wanted,
                "AssembleWith": ask.split,
            },
            TransformResources={"InstanceType": _INSTANCE, "InstanceCount": 1},
        )
        self._ended(job, lambda: self._sagemaker.describe_transform_job(TransformJobName=job), "TransformJobStatus")
        return time.perf_counter() - begun

    def _ended(self, name: str, describe: Callable[[], Any], status: str) -> Mapping[str, Any]:
        """What `describe` answers at the end. Raises RuntimeError where that is no good one."""
        end = time.monotonic() + self.patience
        while (told := describe())[status] in ("InProgress", "Creating") and time.monotonic() < end:
            time.sleep(0.02)
        if told[status] not in ("Completed", "InService"):
            raise RuntimeError(f"{name} ended as {told[status]}: {told.get('FailureReason')}")
        found: Mapping[str, Any] = told
        return found

    # The script.

    def app(self, name: str, what: str, *arguments: object) -> str:
        """What a case's script prints."""
        environment, script = self.script(name)
        return printed(environment, script, what, name, *arguments, patience=self.patience)

    def _timed(self, name: str, rows: int, what: str) -> float:
        begun = time.perf_counter()
        self.app(name, what, self.folder(name, rows))
        return time.perf_counter() - begun


def printed(environment: Path, script: str, *arguments: object, patience: float) -> str:
    """What `bench/apps/<script>.py` prints in an environment. Raises RuntimeError with the end of its words."""
    done = subprocess.run(
        [str(environment / "bin" / "python"), str(ROOT / "bench" / "apps" / f"{script}.py"), *map(str, arguments)],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "PYTHONWARNINGS": "ignore",
            "OMP_WAIT_POLICY": "PASSIVE",
        },
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{script} {arguments} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def _image(algorithm: str) -> str:
    """The address of a built-in algorithm's image."""
    return f"{_REGISTRY}/{algorithm}:1"


def _channel(name: str, uri: str, content_type: str) -> Mapping[str, Any]:
    """A channel of all objects below `uri`."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "ContentType": content_type}
