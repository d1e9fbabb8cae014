"""The built-in algorithms for words, series and pairs, through the API, beside a library or a plain loop of PyTorch."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import jobs, peers
from bench.apps.networks import CASES, FULL
from bench.base import OURS, Figure, Missing, Run

TITLE = "words, series and pairs: from CreateTrainingJob to Completed, endpoints, batch transform"

_BARE: Final = "library or plain loop"
_BUCKET: Final = "bench"
_PATIENCE_S: Final = 1800.0


def measure(run: Run) -> Sequence[Figure]:
    """Training at each size; the model of the first serves and scores.

    Rows are texts, documents, pairs or observations.
    """
    names = run.only or tuple(CASES)
    if unknown := [name for name in names if name not in CASES]:
        raise Missing(f"there is no {', '.join(unknown)}; there are {', '.join(CASES)}.")
    sizes = (2000,) if run.quick else (FULL, 100_000, 1_000_000)
    for environment in {CASES[name].environment for name in names}:
        peers.runtime(run, environment)
    figures: list[Figure] = []
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        work = _Jobs(run, peer, data)
        for name in names:
            for rows in (rows for rows in sizes if rows <= CASES[name].most):
                figures.append(_training(run, work, name, rows))
                if rows == sizes[0]:
                    figures += _serving(run, work, name, rows)
    run.note(
        f"{_BARE}: fastText, scikit-learn's LDA and GluonTS; for the others a loop of PyTorch around the same network, "
        "which reads with pandas or the json module, in a process that starts anew."
    )
    return figures


def _training(run: Run, work: _Jobs, name: str, rows: int) -> Figure:
    figure = Figure(f"{name}, trained on {rows:,} rows", "s", more=False, goal=1.2, share_of=_BARE)
    work.make(name, rows)
    subjects = {
        OURS: lambda: {figure.what: work.train(name, rows)},
        _BARE: lambda: {figure.what: work.bare(name, rows)},
    }
    run.alternate(f"{name} {rows:,}", [figure], subjects, warm=rows < 100_000)
    return figure


def _serving(run: Run, work: _Jobs, name: str, rows: int) -> Sequence[Figure]:
    """Requests of some lines each, and one object of many."""
    ask = CASES[name].asked
    asked = Figure(f"{name}, rows served, {ask.request:,} a request", "/s")
    scored = Figure(f"{name}, {ask.lines(rows):,} rows batch-scored", "s", more=False, share_of=_BARE)
    work.deploy(name, rows)
    seconds = run.amount(3, 0.5)
    subjects = {
        OURS: lambda: {asked.what: work.served(name, seconds), scored.what: work.scored(name, rows)},
        _BARE: lambda: {
            asked.what: work.bare_rate(name, rows, seconds),
            scored.what: work.bare_scores(name, rows),
        },
    }
    run.alternate(f"{name}, serving", [asked, scored], subjects)
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

    def make(self, name: str, rows: int) -> None:
        """Files of the channels, and the same as objects."""
        self._run.say(f"making {rows:,} rows for {name}")
        folder = self._folder(name, rows)
        self._app(name, "make", folder, rows)
        for path in [*folder.glob("channels/*/*"), folder / "asked"]:
            self._s3.upload_file(str(path), _BUCKET, f"{name}/{rows}/{path.relative_to(folder)}")

    def train(self, name: str, rows: int) -> float:
        """Seconds of a job, its start and the upload of its model included."""
        channels = [
            jobs.channel(channel, f"s3://{_BUCKET}/{name}/{rows}/channels/{channel}/", kind)
            for channel, kind in CASES[name].channels.items()
        ]
        seconds, self._last = jobs.train(
            self._sagemaker,
            f"{name}-{rows}-{next(self._numbers)}",
            _image(name),
            CASES[name].hyperparameters,
            channels,
            role=self._role,
            output=f"s3://{_BUCKET}/models",
            patience=_PATIENCE_S,
        )
        return seconds

    def deploy(self, name: str, rows: int) -> None:
        """An endpoint of the model that was trained last."""
        model = self._last["ModelArtifacts"]["S3ModelArtifacts"]
        jobs.deploy(self._sagemaker, name, _image(name), model, role=self._role, patience=_PATIENCE_S)
        with (self._folder(name, rows) / "asked").open() as file:
            self._body = "".join(itertools.islice(file, CASES[name].asked.request))

    def undeploy(self, name: str) -> None:
        """The machine is the next one's."""
        self._sagemaker.delete_endpoint(EndpointName=name)

    def served(self, name: str, seconds: float) -> float:
        """Lines a second, one request after the other."""
        ask = CASES[name].asked
        return jobs.served(
            self._runtime, name, self._body, seconds, given=ask.given, wanted=ask.wanted, every=ask.request
        )

    def scored(self, name: str, rows: int) -> float:
        """Seconds of a batch transform job."""
        job, ask = f"{name}-{next(self._numbers)}", CASES[name].asked
        source, output = f"s3://{_BUCKET}/{name}/{rows}/asked", f"s3://{_BUCKET}/{job}"
        return jobs.score(
            self._sagemaker, job, name, source, output, given=ask.given, wanted=ask.wanted, patience=_PATIENCE_S
        )

    def bare(self, name: str, rows: int) -> float:
        """Seconds of a script that does the same."""
        return self._timed(name, "train", self._folder(name, rows))

    def bare_scores(self, name: str, rows: int) -> float:
        """Seconds to answer all lines, from file to file."""
        return self._timed(name, "predict", self._folder(name, rows))

    def bare_rate(self, name: str, rows: int, seconds: float) -> float:
        """Lines a second in one process, text to text."""
        return float(self._app(name, "rate", self._folder(name, rows), seconds))

    def _timed(self, name: str, what: str, folder: Path) -> float:
        begun = time.perf_counter()
        self._app(name, what, folder)
        return time.perf_counter() - begun

    def _app(self, name: str, what: str, *arguments: Any) -> str:
        environment = peers.runtime(self._run, CASES[name].environment)
        return jobs.script(environment, "networks", what, name, *arguments, patience=_PATIENCE_S)

    def _folder(self, name: str, rows: int) -> Path:
        return self._run.folder / name / str(rows)


def _image(name: str) -> str:
    return CASES[name].image or name
