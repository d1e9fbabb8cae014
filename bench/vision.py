"""The built-in algorithms for images, and for rows with categories, through the API, beside plain loops of PyTorch."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import jobs, peers
from bench.apps import categories, vision
from bench.apps.vision import Case
from bench.base import OURS, Figure, Missing, Run

TITLE = "small images, and rows with categories: from CreateTrainingJob to Completed, endpoints, batch transform"

_BARE: Final = "plain loop"
_BUCKET: Final = "bench"
_PATIENCE_S: Final = 1200.0
_ROWS: Final = Case(
    "pytorch",
    categories.SETTINGS,
    {"train": "text/csv"},
    ("text/csv", "text/csv"),
    (1000, 10_000, 100_000),
    "categories",
    categories.BATCH,
    "rows",
)
_CASES: Final[Mapping[str, Case]] = {**vision.CASES, categories.CLASSIFY: _ROWS, categories.REGRESS: _ROWS}


def measure(run: Run) -> Sequence[Figure]:
    """Training at each size; then the model of the middle one serves, and scores what it was trained on."""
    names = run.only or tuple(_CASES)
    if unknown := [name for name in names if name not in _CASES]:
        raise Missing(f"there is no {', '.join(unknown)}; there are {', '.join(_CASES)}.")
    figures: list[Figure] = []
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        work = _Jobs(run, peer, data)
        for name in names:
            sizes = _CASES[name].sizes[: 2 if run.quick else 3]
            for count in sizes:
                work.make(name, count)
                figures.append(_training(run, work, name, count))
            figures += _serving(run, work, name, sizes[1] if not run.quick else sizes[0])
    run.note(
        f"{_BARE}: PyTorch and Pillow around the same network, with the same epoch and the same look at the validation "
        "data, in a process that starts anew."
    )
    run.note(
        "thousands of images, not a million: without a GPU a network takes hours for these, and all but the start "
        "grows with their number."
    )
    return figures


def _training(run: Run, work: _Jobs, name: str, count: int) -> Figure:
    what = f"{name}, trained on {count:,} {_CASES[name].what}"
    figure = Figure(what, "s", more=False, goal=1.2, share_of=_BARE)
    subjects = {
        OURS: lambda: {figure.what: work.train(name, count)},
        _BARE: lambda: {figure.what: work.bare(name, count)},
    }
    run.alternate(f"{name} {count:,}", [figure], subjects, warm=count == _CASES[name].sizes[0])
    return figure


def _serving(run: Run, work: _Jobs, name: str, count: int) -> Sequence[Figure]:
    case = _CASES[name]
    several = "an image a request" if case.batch == 1 else f"{case.batch:,} a request"
    asked = Figure(f"{name}, {case.what} served, {several}", "/s")
    scored = Figure(f"{name}, {count:,} {case.what} batch-scored", "s", more=False, share_of=_BARE)
    work.deploy(name, count)
    seconds = run.amount(3, 0.5)
    subjects = {
        OURS: lambda: {asked.what: work.served(name, seconds), scored.what: work.scored(name, count)},
        _BARE: lambda: {
            asked.what: work.bare_rate(name, count, seconds),
            scored.what: work.bare_scores(name, count),
        },
    }
    run.alternate(f"{name}, serving", [asked, scored], subjects, warm=False)
    work.undeploy(name)
    return [asked, scored]


class _Jobs:
    """Our server's jobs and endpoints, and the same work without it."""

    def __init__(self, run: Run, peer: peers.Peer, data: Path) -> None:
        keys = peers.our_keys(peer, data)
        self._run, self._role = run, peers.role_arn(peer)
        self._s3, self._sagemaker, self._runtime = (
            peers.client(name, peer, keys) for name in ("s3", "sagemaker", "sagemaker-runtime")
        )
        self._numbers = itertools.count()
        self._s3.create_bucket(Bucket=_BUCKET)

    def make(self, name: str, count: int) -> None:
        """Files of the channels and of what is scored, and the same as objects."""
        self._run.say(f"making {count:,} {_CASES[name].what} for {name}")
        folder = self._folder(name, count)
        self._app(name, "make", folder, count)
        paths = [path for path in folder.rglob("*") if path.is_file()]

        def upload(path: Path) -> None:
            key = f"{name}/{count}/{path.relative_to(folder)}"
            self._s3.put_object(Bucket=_BUCKET, Key=key, Body=path.read_bytes())

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(upload, paths))

    def train(self, name: str, count: int) -> float:
        """Seconds of a job, its start and the upload of its model included."""
        case = _CASES[name]
        place = f"s3://{_BUCKET}/{name}/{count}/channels"
        channels = [jobs.channel(channel, f"{place}/{channel}/", kind) for channel, kind in case.channels.items()]
        seconds, self._last = jobs.train(
            self._sagemaker,
            f"{name}-{count}-{next(self._numbers)}",
            name,
            case.hyperparameters,
            channels,
            role=self._role,
            output=f"s3://{_BUCKET}/models",
            patience=_PATIENCE_S,
        )
        return seconds

    def deploy(self, name: str, count: int) -> None:
        """An endpoint of a model trained on so many."""
        self.train(name, count)
        model = self._last["ModelArtifacts"]["S3ModelArtifacts"]
        jobs.deploy(self._sagemaker, name, name, model, role=self._role, patience=_PATIENCE_S)
        first = min((self._folder(name, count) / "asked").iterdir())
        self._body = first.read_bytes()
        if _CASES[name].batch > 1:
            self._body = b"".join(self._body.splitlines(keepends=True)[: _CASES[name].batch])

    def undeploy(self, name: str) -> None:
        """The machine is the next one's."""
        self._sagemaker.delete_endpoint(EndpointName=name)

    def served(self, name: str, seconds: float) -> float:
        """Images or rows a second, one request after the other."""
        given, wanted = _CASES[name].asked
        every = _CASES[name].batch
        return jobs.served(self._runtime, name, self._body, seconds, given=given, wanted=wanted, every=every)

    def scored(self, name: str, count: int) -> float:
        """Seconds of a batch transform job: an object an image, or one of all rows."""
        job, (given, wanted) = f"{name}-{next(self._numbers)}", _CASES[name].asked
        return jobs.score(
            self._sagemaker,
            job,
            name,
            f"s3://{_BUCKET}/{name}/{count}/asked/",
            f"s3://{_BUCKET}/{job}",
            given=given,
            wanted=wanted,
            patience=_PATIENCE_S,
            split="Line" if _CASES[name].batch > 1 else "None",
        )

    def bare(self, name: str, count: int) -> float:
        """Seconds of a script that trains."""
        return self._timed(name, "train", count)

    def bare_scores(self, name: str, count: int) -> float:
        """Seconds of a script that predicts all of them."""
        return self._timed(name, "predict", count)

    def bare_rate(self, name: str, count: int, seconds: float) -> float:
        """Images or rows a second in one process, bytes to bytes."""
        return float(self._app(name, "rate", self._folder(name, count), seconds))

    def _timed(self, name: str, what: str, count: int) -> float:
        begun = time.perf_counter()
        self._app(name, what, self._folder(name, count))
        return time.perf_counter() - begun

    def _app(self, name: str, what: str, *arguments: Any) -> str:
        case = _CASES[name]
        environment = peers.runtime(self._run, case.environment)
        return jobs.script(environment, case.app, what, name, *arguments, patience=_PATIENCE_S)

    def _folder(self, name: str, count: int) -> Path:
        return self._run.folder / name / str(count)
