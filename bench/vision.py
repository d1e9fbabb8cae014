"""The built-in algorithms for images, and for rows with categories, through the API, beside plain loops of PyTorch."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import jobs, peers
from bench.apps import categories, vision
from bench.apps.vision import Case
from bench.base import Figure, Run
from bench.jobs import BUCKET, Asked, Learnt, Work

TITLE = "small images, and rows with categories: from CreateTrainingJob to Completed, endpoints, batch transform"

_BARE: Final = "plain loop"
_PATIENCE_S: Final = 1200.0
_ROWS: Final = Case(
    "pytorch",
    categories.SETTINGS,
    {"train": "text/csv"},
    ("text/csv", "text/csv"),
    (10_000, 100_000, 1_000_000),
    "categories",
    categories.BATCH,
    "rows",
)
_CASES: Final[Mapping[str, Case]] = {**vision.CASES, categories.CLASSIFY: _ROWS, categories.REGRESS: _ROWS}


def measure(run: Run) -> Sequence[Figure]:
    """Training at each size; the model of the middle one serves, and scores what it was trained on."""
    names = jobs.chosen(run, _CASES)
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        work = _Vision(run, peer, data, bare=_BARE, patience=_PATIENCE_S)

        def measured(name: str) -> Iterator[Figure]:
            case = _CASES[name]
            several = "an image a request" if case.batch == 1 else f"{case.batch:,} a request"
            for count in jobs.sizes(run, case.sizes[: 2 if run.quick else 3]):
                work.make(name, count)
                yield work.training(name, count, case.what, warm=count == case.sizes[0])
                if count == case.sizes[0 if run.quick else 1]:
                    titles = f"{case.what} served, {several}", f"{count:,} {case.what}"
                    yield from work.serving(name, count, *titles, warm=False)
                shutil.rmtree(work.folder(name, count))

        figures = jobs.of_each(run, names, measured)
    run.note(
        f"{_BARE}: PyTorch and Pillow around the same network, with the same epoch and the same look at the validation "
        "data, in a process that starts anew."
    )
    run.note(
        "thousands of images, not a million: without a GPU a network takes hours for these, and all but the start "
        "grows with their number."
    )
    return figures


class _Vision(Work):
    """Each algorithm has images, or rows, of its own; images are an object each."""

    def make(self, name: str, count: int) -> None:
        """Files of the channels and of what is scored, and the same as objects."""
        self.run.say(f"making {count:,} {_CASES[name].what} for {name}")
        folder = self.folder(name, count)
        self.app(name, "make", folder, count)

        def upload(path: Path) -> None:
            key = f"{name}/{count}/{path.relative_to(folder)}"
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(upload, [path for path in folder.rglob("*") if path.is_file()]))

    def learnt(self, name: str, rows: int) -> Learnt:
        case = _CASES[name]
        place = f"s3://{BUCKET}/{name}/{rows}/channels"
        channels = {channel: (f"{place}/{channel}/", kind) for channel, kind in case.channels.items()}
        return Learnt(name, case.hyperparameters, channels)

    def asked(self, name: str, rows: int) -> Asked:
        (given, wanted), batch = _CASES[name].asked, _CASES[name].batch
        body = min((self.folder(name, rows) / "asked").iterdir()).read_bytes()
        if batch > 1:
            body = b"".join(body.splitlines(keepends=True)[:batch])
        source, split = f"s3://{BUCKET}/{name}/{rows}/asked/", "Line" if batch > 1 else "None"
        return Asked(given, wanted, batch, body, source, split)

    def script(self, name: str) -> tuple[Path, str]:
        return peers.runtime(self.run, _CASES[name].environment), _CASES[name].app

    def folder(self, name: str, rows: int) -> Path:
        return self.run.folder / name / str(rows)
