"""Batch transform: rows of CSV through an XGBoost model, from CreateTransformJob until the output is in S3."""

from __future__ import annotations

import itertools
import subprocess
import tarfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import peers
from bench.base import OURS, ROOT, Figure, Run, Sample

TITLE = "rows of 20 numbers in one CSV object, XGBoost with 100 trees"

_POLARS: Final = "polars + xgboost"
_PYFUNC: Final = "mlflow pyfunc"
_BUCKET: Final = "bench"
_IMAGE: Final = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
_PATIENCE_S: Final = 300.0


def measure(run: Run) -> Sequence[Figure]:
    """Ours with staging, server and upload; the others read and write files, in one process each."""
    whole = Figure("until all rows are predicted", "s", more=False, goal=2.0, share_of=_POLARS)
    rows = int(run.amount(1_000_000, 20_000))
    python = peers.environment(run, "batch") / "bin" / "python"
    peers.runtime(run, "xgboost")
    run.say(f"making {rows:,} rows and a model")
    _peer(python, "make", run.folder, str(rows))
    with ExitStack() as stack:
        data = run.folder / "data"
        own = peers.ours(data)
        stack.enter_context(peers.serving(own, run.folder / "log"))
        subjects: dict[str, Sample] = {
            OURS: _ours(run, own, data, whole, rows),
            _POLARS: lambda: _timed(python, "polars", run.folder, whole),
            _PYFUNC: lambda: _timed(python, "pyfunc", run.folder, whole),
        }
        run.alternate("transform", [whole], subjects)
    run.note(f"{rows:,} rows. The processes of the others start anew each time, as our job's does.")
    return [whole]


def _ours(run: Run, peer: peers.Peer, data: Path, whole: Figure, rows: int) -> Sample:
    keys = peers.our_keys(peer, data)
    s3, sagemaker = peers.client("s3", peer, keys), peers.client("sagemaker", peer, keys)
    archive = run.folder / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(run.folder / "model.ubj", "xgboost-model")
    s3.create_bucket(Bucket=_BUCKET)
    s3.upload_file(str(archive), _BUCKET, "model.tar.gz")
    s3.upload_file(str(run.folder / "rows.csv"), _BUCKET, "in/rows.csv")
    container = {"Image": _IMAGE, "ModelDataUrl": f"s3://{_BUCKET}/model.tar.gz"}
    sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=peers.role_arn(peer))
    numbers = itertools.count()

    def sample() -> Mapping[str, float]:
        name = f"transform-{next(numbers)}"
        begun = time.perf_counter()
        sagemaker.create_transform_job(TransformJobName=name, **_request(name))
        while (job := sagemaker.describe_transform_job(TransformJobName=name))["TransformJobStatus"] == "InProgress":
            if time.perf_counter() - begun > _PATIENCE_S:
                break
            time.sleep(0.02)
        took = time.perf_counter() - begun
        if job["TransformJobStatus"] != "Completed":
            raise RuntimeError(f"{name} ended as {job['TransformJobStatus']}: {job.get('FailureReason')}")
        body = s3.get_object(Bucket=_BUCKET, Key=f"{name}/rows.csv.out")["Body"].read()
        if body.count(b"\n") != rows:
            raise RuntimeError(f"{name} predicted {body.count(bytes([10]))} of {rows} rows")
        return {whole.what: took}

    return sample


def _request(name: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{_BUCKET}/in/"}
    return {
        "ModelName": "m",
        "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"s3://{_BUCKET}/{name}", "Accept": "text/csv", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }


def _timed(python: Path, what: str, folder: Path, whole: Figure) -> Mapping[str, float]:
    begun = time.perf_counter()
    _peer(python, what, folder)
    return {whole.what: time.perf_counter() - begun}


def _peer(python: Path, what: str, folder: Path, *more: str) -> None:
    command = [str(python), str(ROOT / "bench" / "apps" / "batch.py"), what, str(folder), *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{what} failed:\n{done.stderr[-2000:]}")
