"""How soon the console's pages can be used, with many training jobs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import filling, peers
from bench.base import OURS, ROOT, Figure, Missing, Run, Sample
from sagewright.edge.console.pages import BUILT

TITLE = "from the navigation until a page of the console can be used; the reference is an empty store"
EMPTY: Final = "with none"
JOBS: Final = 10_000
_GOAL_S: Final = 1.0
_PAGES: Final = {
    "overview": (
        "/#/",
        "document.querySelector('main [aria-label^=\"Cost of this month: \"]:not([aria-label$=unknown])')",
    ),
    "training jobs": (
        "/#/training-jobs",
        "document.querySelector('main table a[href*=\"job-\"]') || "
        "document.querySelector('main')?.innerText.includes('Nothing was trained yet')",
    ),
}
"""Path, and what is there once it can be used."""


def measure(run: Run) -> Sequence[Figure]:
    """Chromium visits a server with ten thousand training jobs and one with none, in turn."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise Missing("the console is left out: there is no chromium here.")
    if not (BUILT / "index.html").is_file():
        raise Missing("the console is left out: `make console` has not built it.")
    figures = [
        Figure(f"{name}, {visit}", "s", more=False, goal=_GOAL_S)
        for name in _PAGES
        for visit in ("first visit", "another")
    ]
    with ExitStack() as stack:
        browser = stack.enter_context(_browser(peers.environment(run, "browser"), chromium, run.folder / "browser.log"))
        subjects = {name: _subject(run, stack, browser, count) for name, count in ((OURS, JOBS), (EMPTY, 0))}
        run.alternate("console", figures, subjects)
    run.note(f"{OURS} here holds {JOBS:,} training jobs.")
    return figures


def _browser(python: Path, chromium: str, log: Path) -> subprocess.Popen[str]:
    """`apps/browse.py`, in an environment that has Playwright. It ends when its input does."""
    command = [str(python / "bin" / "python"), str(ROOT / "bench" / "apps" / "browse.py"), chromium]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.open("w"), text=True)


def _subject(run: Run, stack: ExitStack, browser: subprocess.Popen[str], count: int) -> Sample:
    data = run.folder / f"data-{count}"
    if count:
        run.say(f"writing {count:,} records")
        data.mkdir()
        filling.sqlite(data / "state.db", count)
    peer = peers.ours(data)
    stack.enter_context(peers.serving(peer, run.folder / "log"))
    link = peers.output([str(peers.BIN / "sagewright"), "console", "--port", str(peer.port), "--data", str(data)])
    asked = json.dumps({"url": peer.url, "enter": link.strip(), "pages": _PAGES}) + "\n"

    def sample() -> Mapping[str, float]:
        assert browser.stdin is not None
        assert browser.stdout is not None
        browser.stdin.write(asked)
        browser.stdin.flush()
        answer = browser.stdout.readline()
        if not answer:
            raise RuntimeError("the browser ended:\n" + (run.folder / "browser.log").read_text()[-2000:])
        found: Mapping[str, Any] = json.loads(answer)
        return {
            f"{name}, {visit}": value
            for name, values in found.items()
            for visit, value in zip(("first visit", "another"), values, strict=True)
        }

    return sample
