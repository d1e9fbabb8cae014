"""Metrics that a job's script writes to files, as `smexperiments` does: a JSON object a line, one file per process.

    {"MetricName": "loss", "Value": 0.5, "Timestamp": 1760000000.0, "IterationNumber": 3}

They become points of the job's trial component. A line is read when it has its end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.controllers import staging, trial_component
from sagewright.controllers.platform import Platform
from sagewright.controllers.trial_component import Found
from sagewright.resources.record import Record

FOLDER: Final = "output/metrics/sagemaker"
"""Below /opt/ml; scripts find it in SAGEMAKER_METRICS_DIRECTORY."""
_PIECE: Final = 1 << 20
_PIECES: Final = 20
"""How much of a file is read at one look, in bytes and times: one that never stops growing must still be stopped."""
_NAME_LIMIT: Final = 255
_LARGEST_STEP: Final = 2**31


def carry(platform: Platform, job: Record, task_id: str) -> None:
    """Take what is new in a task's files."""
    folder = staging.of_task(platform.ml_folder(task_id), FOLDER)
    if folder is None:
        return
    with os.scandir(folder) as entries:
        files = sorted(Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False))
    component = trial_component.of(platform.store, job) if files else None
    if component is None:
        return
    for path in files:
        source = f"{task_id}/{path.name}"
        for _ in range(_PIECES):
            offset = platform.metrics.components.taken(component.uid, source)
            found = list(_read(path, offset))
            if not found:
                break
            trial_component.note(platform, job, source, found)


def _read(path: Path, offset: int) -> Iterator[Found]:
    """What stands in whole lines after an offset."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    with open(descriptor, "rb") as file:
        file.seek(offset)
        piece = file.read(_PIECE)
    for line in piece.splitlines(keepends=True):
        offset += len(line)
        if line.endswith(b"\n") and (found := _found(line, offset)) is not None:
            yield found


def _found(line: bytes, offset: int) -> Found | None:
    try:
        told: Any = orjson.loads(line)
        name, value, time, step = told["MetricName"], told["Value"], told["Timestamp"], told.get("IterationNumber")
        if not isinstance(name, str) or not 0 < len(name) <= _NAME_LIMIT:
            return None
        if step is not None and not (isinstance(step, int) and 0 <= step < _LARGEST_STEP):
            return None
        return Found(name, float(value), float(time), offset, step)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
