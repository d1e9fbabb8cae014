"""The built-in algorithms for words, series and pairs, through the API, beside a library or a plain loop of PyTorch."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import jobs, peers
from bench.apps.networks import CASES, FULL
from bench.base import Figure, Run
from bench.jobs import BUCKET, Asked, Learnt, Work

TITLE = "words, series and pairs: from CreateTrainingJob to Completed, endpoints, batch transform"

_BARE: Final = "library or plain loop"
_PATIENCE_S: Final = 1800.0


def measure(run: Run) -> Sequence[Figure]:
    """Training at each size; the model of the first serves and scores.

    Rows are texts, documents, pairs or observations.
    """
    names = jobs.chosen(run, CASES)
    sizes = (2000,) if run.quick else (FULL, 100_000, 1_000_000)
    for environment in {CASES[name].environment for name in names}:
        peers.runtime(run, environment)
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        work = _Networks(run, peer, data, bare=_BARE, patience=_PATIENCE_S)

        def measured(name: str) -> Iterator[Figure]:
            ask = CASES[name].asked
            for rows in jobs.sizes(run, sizes):
                work.make(name, rows)
                yield work.training(name, rows, "rows", warm=rows < 100_000)
                if rows == sizes[0]:
                    several = f"rows served, {ask.request:,} a request"
                    yield from work.serving(name, rows, several, f"{ask.lines(rows):,} rows")
                shutil.rmtree(work.folder(name, rows))

        figures = jobs.of_each(run, names, measured)
    run.note(
        f"{_BARE}: fastText, scikit-learn's LDA and GluonTS; for the others a loop of PyTorch around the same network, "
        "which reads with pandas or the json module, in a process that starts anew."
    )
    return figures


class _Networks(Work):
    """Each algorithm has rows of its own."""

    def make(self, name: str, rows: int) -> None:
        """Files of the channels, and the same as objects."""
        self.run.say(f"making {rows:,} rows for {name}")
        folder = self.folder(name, rows)
        self.app(name, "make", folder, rows)
        for path in [*folder.glob("channels/*/*"), folder / "asked"]:
            self.s3.upload_file(str(path), BUCKET, f"{name}/{rows}/{path.relative_to(folder)}")

    def learnt(self, name: str, rows: int) -> Learnt:
        case = CASES[name]
        place = f"s3://{BUCKET}/{name}/{rows}/channels"
        channels = {channel: (f"{place}/{channel}/", kind) for channel, kind in case.channels.items()}
        return Learnt(case.image or name, case.hyperparameters, channels)

    def asked(self, name: str, rows: int) -> Asked:
        ask = CASES[name].asked
        with (self.folder(name, rows) / "asked").open("rb") as file:
            body = b"".join(itertools.islice(file, ask.request))
        return Asked(ask.given, ask.wanted, ask.request, body, f"s3://{BUCKET}/{name}/{rows}/asked")

    def script(self, name: str) -> tuple[Path, str]:
        return peers.runtime(self.run, CASES[name].environment), "networks"

    def folder(self, name: str, rows: int) -> Path:
        return self.run.folder / name / str(rows)
