"""`python -m bench [names…] [--rounds N] [--quick] [--only ALGORITHM] [--size ROWS] [--json FILE] [--out DIR]`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from bench import report
from bench.base import ROOT, Figure, Missing, Run

# Add a measurement here: a module with TITLE and `measure(run)`, which gives its figures.
MEASUREMENTS: Final = {
    "startup": "bench.startup",
    "control": "bench.control",
    "growth": "bench.growth",
    "growth-postgres": "bench.growth_postgres",
    "console": "bench.console",
    "job": "bench.job",
    "engines": "bench.engines",
    "queue": "bench.queue",
    "notebook": "bench.notebook",
    "tuning": "bench.tuning",
    "channels": "bench.channels",
    "invoke": "bench.invoke",
    "serverless": "bench.serverless",
    "capture": "bench.capture",
    "routes": "bench.routes",
    "memory": "bench.memory",
    "autoscaling": "bench.autoscaling",
    "transform": "bench.transform",
    "images": "bench.images",
    "algorithms": "bench.algorithms",
    "networks": "bench.networks",
    "vision": "bench.vision",
    "quality": "bench.quality",
    "objects": "bench.objects",
    "metrics": "bench.metrics",
    "features": "bench.features",
    "joins": "bench.joins",
    "features-growth": "bench.features_growth",
}

# What takes minutes also when it is quick: a quick run does these only when they are named.
LONG: Final = ("autoscaling", "algorithms", "networks", "vision", "quality")


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for, print a table as each measurement ends; answer the exit code."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in MEASUREMENTS]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    signal.signal(signal.SIGTERM, _end)
    _forget_the_users_aws()
    begun = time.monotonic()
    found: dict[str, Any] = {}
    failed: list[str] = []
    machine = report.machine()
    print(machine, flush=True)
    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as folder:
        for name in asked.names or [name for name in MEASUREMENTS if not (asked.quick and name in LONG)]:
            module = importlib.import_module(MEASUREMENTS[name])
            place = Path(folder) / name
            place.mkdir()
            rounds = asked.rounds or (2 if asked.quick else 5)
            run = Run(place, rounds=rounds, quick=asked.quick, out=asked.out, only=asked.only, sizes=asked.size)
            figures = _measured(module, run)
            run.clear()
            print(report.table(f"{name}: {module.TITLE}", figures, run.notes))
            print(*run.shown, sep="\n", end="")
            found[name] = report.plain(figures, run.notes)
            failed += run.failed
            if asked.json:
                asked.json.write_text(json.dumps({"machine": machine, "measurements": found}, indent=2) + "\n")
    print(f"\nAll of it took {time.monotonic() - begun:.0f} s.")
    return 1 if failed else 0


def _measured(module: Any, run: Run) -> Sequence[Figure]:
    """The figures; none, and a note, where the whole measurement lacks something here."""
    try:
        figures: Sequence[Figure] = module.measure(run)
    except Missing as missing:
        run.note(str(missing))
        return ()
    return figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure, each figure beside a peer or a limit."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(MEASUREMENTS))
    parser.add_argument("--rounds", type=int, help="how often ours and the others take turns (5; 2 with --quick)")
    parser.add_argument("--quick", action="store_true", help="less of everything: does it work, and is it about right")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="of `algorithms`, `networks`, `vision` and `quality`: this algorithm only",
    )
    parser.add_argument(
        "--size",
        action="append",
        type=_rows,
        default=[],
        metavar="ROWS",
        help="of `algorithms`, `networks` and `vision`: this many rows (or images) only, of those that they measure; "
        "what is served is the model of one size",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    charts = ROOT / ".cache" / "bench"
    parser.add_argument("--out", type=Path, metavar="DIR", default=charts, help="write charts there (.cache/bench)")
    return parser


def _rows(text: str) -> int:
    """A number of rows, with or without marks: 100000, 100_000, 100,000."""
    return int(text.replace(",", "_"))


def _forget_the_users_aws() -> None:
    """Clients of this process see no configuration, keys or proxies but those they are given."""
    for name in list(os.environ):
        if name.startswith(
            ("AWS_", "SAGEWRIGHT_PORT", "SAGEWRIGHT_DATA", "SAGEWRIGHT_STORE", "BOTOCORE_")
        ) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def _end(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends as Ctrl-C does, so that everything that was started is stopped."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
