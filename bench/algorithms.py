"""The built-in algorithms for rows of numbers, through the API, beside the bare libraries in one process each."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import jobs, peers
from bench.apps.tabular import BATCH, CASES, COLUMNS, Case
from bench.base import OURS, Figure, Missing, Run, rate

TITLE = f"rows of {COLUMNS} numbers in one object: from CreateTrainingJob to Completed, endpoints, batch transform"

_BARE: Final = "bare library"
_BUCKET: Final = "bench"
_PATIENCE_S: Final = 1200.0


def measure(run: Run) -> Sequence[Figure]:
    """Training at each size; then the model of the middle one serves, and scores as many rows as it was trained on."""
    names = run.only or tuple(CASES)
    if unknown := [name for name in names if name not in CASES]:
        raise Missing(f"there is no {', '.join(unknown)}; there are {', '.join(CASES)}.")
    sizes = (1000, 5000) if run.quick else (10_000, 100_000, 1_000_000)
    for name in names:
        peers.runtime(run, CASES[name].environment)
        bare(run, CASES[name])
    figures: list[Figure] = []
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        work = _Jobs(run, peer, data, sizes)
        for name in names:
            for rows in sizes:
                figures.append(_training(run, work, name, rows))
            figures += _serving(run, work, name, sizes[1])
    run.note("the bare libraries read the same file with pandas, fit and keep a model, in a process that starts anew.")
    run.note(f"{_BARE} of factorization machines is myFM, which samples where ours descends the gradient.")
    return figures


def _training(run: Run, work: _Jobs, name: str, rows: int) -> Figure:
    figure = Figure(f"{name}, trained on {rows:,} rows", "s", more=False, goal=1.2, share_of=_BARE)
    subjects = {
        OURS: lambda: {figure.what: work.train(name, rows)},
        _BARE: lambda: {figure.what: work.bare(name, rows)},
    }
    run.alternate(f"{name} {rows:,}", [figure], subjects, warm=rows < 1_000_000)
    return figure


def _serving(run: Run, work: _Jobs, name: str, rows: int) -> Sequence[Figure]:
    """Requests of a thousand rows of CSV; and one object of all rows."""
    asked = Figure(f"{name}, rows served, {BATCH:,} a request", "/s")
    scored = Figure(f"{name}, {rows:,} rows batch-scored", "s", more=False, share_of=_BARE)
    work.deploy(name, rows)
    seconds = run.amount(3, 0.5)
    subjects = {
        OURS: lambda: {asked.what: work.served(name, rows, seconds), scored.what: work.scored(name, rows)},
        _BARE: lambda: {
            asked.what: work.bare_rate(name, rows, seconds),
            scored.what: work.bare_scores(name, rows),
        },
    }
    run.alternate(f"{name}, serving", [asked, scored], subjects)
    work.undeploy(name)
    return [asked, scored]


def bare(run: Run, case: Case) -> Path:
    """The environment that has a case's library."""
    return peers.environment(run, case.library) if case.library else peers.runtime(run, case.environment)


class _Jobs:
    """Our server's jobs and endpoints, and the same work without it."""

    def __init__(self, run: Run, peer: peers.Peer, data: Path, sizes: Sequence[int]) -> None:
        keys = peers.our_keys(peer, data)
        self._run, self._role = run, peers.role_arn(peer)
        self._s3, self._sagemaker, self._runtime = (
            peers.client(name, peer, keys) for name in ("s3", "sagemaker", "sagemaker-runtime")
        )
        self._numbers = itertools.count()
        self._s3.create_bucket(Bucket=_BUCKET)
        for rows in sizes:
            run.say(f"making {rows:,} rows")
            self._folder(rows).mkdir()
            place = str(self._folder(rows))
            jobs.script(peers.runtime(run, "scikit-learn"), "tabular", "make", place, rows, patience=_PATIENCE_S)
            for file in ("rows.csv", "features.csv", "rows.rec"):
                self._s3.upload_file(str(self._folder(rows) / file), _BUCKET, f"{rows}/{file}/{file}")

    def train(self, name: str, rows: int) -> float:
        """Seconds of a job, its start and the upload of its model included."""
        case = CASES[name]
        seconds, self._last = jobs.train(
            self._sagemaker,
            f"{name}-{rows}-{next(self._numbers)}",
            name,
            case.hyperparameters,
            [_channel(case, rows)],
            role=self._role,
            output=f"s3://{_BUCKET}/models",
            patience=_PATIENCE_S,
        )
        return seconds

    def deploy(self, name: str, rows: int) -> None:
        """An endpoint of a model trained on so many rows."""
        self.train(name, rows)
        container = {"Image": jobs.image(name), "ModelDataUrl": self._last["ModelArtifacts"]["S3ModelArtifacts"]}
        self._sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self._role)
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": jobs.INSTANCE, "InitialInstanceCount": 1}
        self._sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        self._sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        self._wait(name, lambda: self._sagemaker.describe_endpoint(EndpointName=name), "EndpointStatus")
        with (self._folder(rows) / "features.csv").open() as file:
            self._body = "".join(next(file) for _ in range(BATCH))

    def undeploy(self, name: str) -> None:
        """The machine is the next one's."""
        self._sagemaker.delete_endpoint(EndpointName=name)

    def served(self, name: str, rows: int, seconds: float) -> float:
        """Rows a second, one request after the other."""

        def ask() -> None:
            answer = self._runtime.invoke_endpoint(
                EndpointName=name, Body=self._body, ContentType="text/csv", Accept="text/csv"
            )
            answer["Body"].read()

        return rate(ask, seconds, every=BATCH)

    def scored(self, name: str, rows: int) -> float:
        """Seconds of a batch transform job."""
        job = f"{name}-{next(self._numbers)}"
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{_BUCKET}/{rows}/features.csv/"}
        begun = time.perf_counter()
        self._sagemaker.create_transform_job(
            TransformJobName=job,
            ModelName=name,
            TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
            TransformOutput={
                "S3OutputPath": f"s3://{_BUCKET}/{job}",
                "Accept": "text/csv",
                "AssembleWith": "Line",
            },
            TransformResources={"InstanceType": jobs.INSTANCE, "InstanceCount": 1},
        )
        self._wait(job, lambda: self._sagemaker.describe_transform_job(TransformJobName=job), "TransformJobStatus")
        return time.perf_counter() - begun

    def bare(self, name: str, rows: int) -> float:
        """Seconds of the library's own training."""
        return self._timed(name, "train", str(self._folder(rows)))

    def bare_scores(self, name: str, rows: int) -> float:
        """Seconds to predict all rows."""
        return self._timed(name, "predict", str(self._folder(rows)))

    def bare_rate(self, name: str, rows: int, seconds: float) -> float:
        """Rows a second in one process, text to text."""
        return float(self._app(name, "rate", str(self._folder(rows)), str(seconds)))

    def _timed(self, name: str, what: str, folder: str) -> float:
        begun = time.perf_counter()
        self._app(name, what, folder)
        return time.perf_counter() - begun

    def _app(self, name: str, what: str, *arguments: str) -> str:
        python = bare(self._run, CASES[name])
        return jobs.script(python, "tabular", what, name, *arguments, patience=_PATIENCE_S)

    @staticmethod
    def _wait(name: str, describe: Callable[[], Any], status: str) -> None:
        jobs.ended(name, describe, status, patience=_PATIENCE_S)

    def _folder(self, rows: int) -> Path:
        return self._run.folder / str(rows)


def _channel(case: Case, rows: int) -> Mapping[str, Any]:
    file = "rows.rec" if case.record else "rows.csv" if case.label else "features.csv"
    kind = "application/x-recordio-protobuf" if case.record else "text/csv" if case.label else "text/csv;label_size=0"
    return jobs.channel("train", f"s3://{_BUCKET}/{rows}/{file}/", kind)
