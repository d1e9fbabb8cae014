"""Training jobs, endpoints and transform jobs of the built-in algorithms, as the benchmarks start and wait for them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.base import ROOT, rate

INSTANCE: Final = "ml.m5.large"
_REGISTRY: Final = "382416733822.dkr.ecr.us-east-1.amazonaws.com"


def image(algorithm: str) -> str:
    """The address of a built-in algorithm's image."""
    return f"{_REGISTRY}/{algorithm}:1"


def channel(name: str, uri: str, content_type: str) -> Mapping[str, Any]:
    """A channel of all objects below `uri`."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "ContentType": content_type}


def train(
    sagemaker: Any,
    job: str,
    algorithm: str,
    hyperparameters: Mapping[str, object],
    channels: Sequence[Mapping[str, Any]],
    *,
    role: str,
    output: str,
    patience: float,
) -> tuple[float, Mapping[str, Any]]:
    """Seconds of a job on one instance, its start and the upload of its model included; and its description."""
    request = {
        "AlgorithmSpecification": {"TrainingImage": image(algorithm), "TrainingInputMode": "File"},
        "RoleArn": role,
        "HyperParameters": {key: str(value) for key, value in hyperparameters.items()},
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": output},
        "ResourceConfig": {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": int(patience)},
    }
    begun = time.perf_counter()
    sagemaker.create_training_job(TrainingJobName=job, **request)
    told = ended(
        job, lambda: sagemaker.describe_training_job(TrainingJobName=job), "TrainingJobStatus", patience=patience
    )
    return time.perf_counter() - begun, told


def deploy(sagemaker: Any, name: str, algorithm: str, model: str, *, role: str, patience: float) -> None:
    """An endpoint called `name`, of the model at the address `model`; in service."""
    container = {"Image": image(algorithm), "ModelDataUrl": model}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": INSTANCE, "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    ended(name, lambda: sagemaker.describe_endpoint(EndpointName=name), "EndpointStatus", patience=patience)


def score(
    sagemaker: Any,
    job: str,
    model: str,
    source: str,
    output: str,
    *,
    given: str,
    wanted: str,
    patience: float,
    split: str = "Line",
) -> float:
    """Seconds of a batch transform job over lines, or, where nothing is to be split, whole objects: `given` is their
    form, `wanted` that of the answers."""
    begun = time.perf_counter()
    sagemaker.create_transform_job(
        TransformJobName=job,
        ModelName=model,
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
            "ContentType": given,
            "SplitType": split,
        },
        TransformOutput={"S3OutputPath": output, "Accept": wanted, "AssembleWith": split},
        TransformResources={"InstanceType": INSTANCE, "InstanceCount": 1},
    )
    ended(job, lambda: sagemaker.describe_transform_job(TransformJobName=job), "TransformJobStatus", patience=patience)
    return time.perf_counter() - begun


def served(
    runtime: Any, endpoint: str, body: str | bytes, seconds: float, *, given: str, wanted: str, every: float
) -> float:
    """Lines a second, `every` a request, one request after the other."""

    def ask() -> None:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=given, Accept=wanted)
        answer["Body"].read()

    ask()  # what is loaded at the first is no part of a rate
    return rate(ask, seconds, every=every)


def ended(name: str, describe: Callable[[], Any], status: str, *, patience: float) -> Mapping[str, Any]:
    """What `describe` answers at the end. Raises RuntimeError where that is no good one."""
    end = time.monotonic() + patience
    while (told := describe())[status] in ("InProgress", "Creating") and time.monotonic() < end:
        time.sleep(0.02)
    if told[status] not in ("Completed", "InService"):
        raise RuntimeError(f"{name} ended as {told[status]}: {told.get('FailureReason')}")
    found: Mapping[str, Any] = told
    return found


def script(environment: Path, name: str, *arguments: object, patience: float) -> str:
    """What `bench/apps/<name>.py` prints in a runtime's environment. Raises RuntimeError with the end of its words."""
    done = subprocess.run(
        [str(environment / "bin" / "python"), str(ROOT / "bench" / "apps" / f"{name}.py"), *map(str, arguments)],
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
        raise RuntimeError(f"{name} {arguments} failed:\n{done.stderr[-2000:]}")
    return done.stdout
