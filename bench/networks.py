"""The built-in algorithms for words, series and pairs, through the API, beside a library or a plain loop of PyTorch."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import jobs, peers
from bench.apps.networks import CASES
from bench.base import OURS, Figure, Missing, Run

TITLE = "words, series and pairs: from CreateTrainingJob to Completed"

_BARE: Final = "library or plain loop"
_BUCKET: Final = "bench"
_PATIENCE_S: Final = 1800.0


def measure(run: Run) -> Sequence[Figure]:
    """Training at each size; rows are sentences, documents, pairs or observations."""
    names = run.only or tuple(CASES)
    if unknown := [name for name in names if name not in CASES]:
        raise Missing(f"there is no {', '.join(unknown)}; there are {', '.join(CASES)}.")
    sizes = (2000,) if run.quick else (10_000, 100_000, 1_000_000)
    figures: list[Figure] = []
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        work = _Jobs(run, peer, data)
        for name, rows in itertools.product(names, sizes):
            figures.append(_training(run, work, name, rows))
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


class _Jobs:
    """Our server's jobs, and the same work without it."""

    def __init__(self, run: Run, peer: peers.Peer, data: Path) -> None:
        keys = peers.our_keys(peer, data)
        self._run, self._role = run, peers.role_arn(peer)
        self._s3, self._sagemaker = (peers.client(name, peer, keys) for name in ("s3", "sagemaker"))
        self._numbers = itertools.count()
        self._s3.create_bucket(Bucket=_BUCKET)

    def make(self, name: str, rows: int) -> None:
        """Files of the channels, and the same as objects."""
        self._run.say(f"making {rows:,} rows for {name}")
        folder = self._folder(name, rows)
        self._app(name, "make", folder, rows)
        channels = folder / "channels"
        for path in channels.glob("*/*"):
            self._s3.upload_file(str(path), _BUCKET, f"{name}/{rows}/{path.relative_to(channels)}")

    def train(self, name: str, rows: int) -> float:
        """Seconds of a job, its start and the upload of its model included."""
        channels = [
            jobs.channel(channel, f"s3://{_BUCKET}/{name}/{rows}/{channel}/", kind)
            for channel, kind in CASES[name].channels.items()
        ]
        seconds, _ = jobs.train(
            self._sagemaker,
            f"{name}-{rows}-{next(self._numbers)}",
            name,
            CASES[name].hyperparameters,
            channels,
            role=self._role,
            output=f"s3://{_BUCKET}/models",
            patience=_PATIENCE_S,
        )
        return seconds

    def bare(self, name: str, rows: int) -> float:
        """Seconds of a script that does the same."""
        begun = time.perf_counter()
        self._app(name, "train", self._folder(name, rows))
        return time.perf_counter() - begun

    def _app(self, name: str, what: str, *arguments: Any) -> None:
        environment = peers.runtime(self._run, CASES[name].environment)
        jobs.script(environment, "networks", what, name, *arguments, patience=_PATIENCE_S)

    def _folder(self, name: str, rows: int) -> Path:
        return self._run.folder / name / str(rows)
