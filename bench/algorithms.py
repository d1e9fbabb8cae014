"""The built-in algorithms for rows of numbers, through the API, beside the bare libraries in one process each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import jobs, peers
from bench.apps.tabular import BATCH, CASES, COLUMNS, Case
from bench.base import Figure, Run
from bench.jobs import BUCKET, Asked, Learnt, Work

TITLE = f"rows of {COLUMNS} numbers in one object: from CreateTrainingJob to Completed, endpoints, batch transform"

_BARE: Final = "bare library"
_PATIENCE_S: Final = 1200.0
_CSV: Final = "text/csv"


def measure(run: Run) -> Sequence[Figure]:
    """Training at each size; the model of the middle one serves, and scores as many rows as it was trained on."""
    names = jobs.chosen(run, CASES)
    every = {name: (1000, 5000) if run.quick else CASES[name].sizes for name in names}
    for name in names:
        peers.runtime(run, CASES[name].environment)
        bare(run, CASES[name])
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        work = _Tables(run, peer, data, bare=_BARE, patience=_PATIENCE_S)
        for rows in jobs.sizes(run, sorted({rows for sizes in every.values() for rows in sizes})):
            work.make(rows)

        def measured(name: str) -> Iterator[Figure]:
            for rows in jobs.sizes(run, every[name]):
                yield work.training(name, rows, "rows", warm=rows < 1_000_000 and not CASES[name].slow)
                if rows == every[name][1]:
                    several = f"rows served, {BATCH:,} a request"
                    yield from work.serving(name, rows, several, f"{rows:,} rows")

        figures = jobs.of_each(run, names, measured)
    run.note("the bare libraries read the same file with pandas, fit and keep a model, in a process that starts anew.")
    run.note(f"{_BARE} of factorization machines is myFM, which samples where ours descends the gradient.")
    return figures


def bare(run: Run, case: Case) -> Path:
    """The environment that has a case's library."""
    return peers.environment(run, case.library) if case.library else peers.runtime(run, case.environment)


class _Tables(Work):
    """All algorithms learn from the same rows."""

    def make(self, rows: int) -> None:
        """Files, and the same as objects."""
        self.run.say(f"making {rows:,} rows")
        folder = self.folder("", rows)
        folder.mkdir()
        environment = peers.runtime(self.run, "scikit-learn")
        jobs.printed(environment, "tabular", "make", folder, rows, patience=self.patience)
        for file in ("rows.csv", "features.csv", "rows.rec"):
            self.s3.upload_file(str(folder / file), BUCKET, f"{rows}/{file}/{file}")

    def learnt(self, name: str, rows: int) -> Learnt:
        case = CASES[name]
        file = "rows.rec" if case.record else "rows.csv" if case.label else "features.csv"
        kind = "application/x-recordio-protobuf" if case.record else _CSV if case.label else f"{_CSV};label_size=0"
        return Learnt(name, case.hyperparameters, {"train": (f"s3://{BUCKET}/{rows}/{file}/", kind)})

    def asked(self, name: str, rows: int) -> Asked:
        with (self.folder(name, rows) / "features.csv").open("rb") as file:
            body = b"".join(itertools.islice(file, BATCH))
        return Asked(_CSV, _CSV, BATCH, body, f"s3://{BUCKET}/{rows}/features.csv/")

    def script(self, name: str) -> tuple[Path, str]:
        return bare(self.run, CASES[name]), "tabular"

    def folder(self, _name: str, rows: int) -> Path:
        return self.run.folder / str(rows)
