"""Each built-in algorithm beside the library it stands on, or the nearest there is: the same data, the same settings.

What it finds goes into `src/sagewright/testing/quality.json`, from which `make docs` makes the reference page.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench import peers
from bench.apps.quality.__main__ import COMPARISONS
from bench.base import OURS, ROOT, Figure, Missing, Run

TITLE = "how good the built-in algorithms are on named data, trained as the platform trains them"

_PEER: Final = "library"
_KEPT: Final = ROOT / "src" / "sagewright" / "testing" / "quality.json"
_PATIENCE_S: Final = 1800.0
_EQUAL: Final = 0.001  # float32 against float64


def measure(run: Run) -> Sequence[Figure]:
    """One number of each; nothing is measured twice, because seeds make it the same each time."""
    names = run.only or tuple(COMPARISONS)
    if unknown := [name for name in names if name not in COMPARISONS]:
        raise Missing(f"there is no {', '.join(unknown)}; there are {', '.join(COMPARISONS)}.")
    kept: dict[str, Any] = json.loads(_KEPT.read_text()) if _KEPT.exists() else {}
    figures = []
    for name in names:
        run.say(f"quality: {name}")
        told = _told(run, name)
        figure = Figure(f"{name}, {told['metric']}", "", more=told["more"], share_of=_PEER)
        figure.goal = 1 - _EQUAL if told["more"] == (told["theirs"] > 0) else 1 + _EQUAL
        figure.samples = {OURS: [told["ours"]], _PEER: [told["theirs"]]}
        figures.append(figure)
        kept[name] = told
        _KEPT.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    run.note(f"kept in {_KEPT.relative_to(ROOT)}, for `make docs`.")
    return figures


def _told(run: Run, name: str) -> Mapping[str, Any]:
    """What the comparison prints, run in the environment of the algorithm's runtime."""
    python = peers.runtime(run, COMPARISONS[name][1]) / "bin" / "python"
    folder = run.folder / name
    folder.mkdir()
    done = subprocess.run(
        [str(python), "-m", "bench.apps.quality", name, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} could not be compared:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {key: float(f"{each:.5g}") if isinstance(each, float) else each for key, each in told.items()}
