"""The logs of a notebook instance: what its task prints, and what its lifecycle scripts print into files.

Streams go on over all starts of an instance, while each task's output begins anew: `bases` says at which offset of a
stream a run's own begins, so that each line is carried once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sagewright.controllers import staging
from sagewright.controllers.platform import Platform
from sagewright.resources.notebook_instance import HOOKS, LOG_GROUP
from sagewright.resources.record import Record

_BATCH: Final = 5_000
_PIECE: Final = 1 << 20
_LONGEST: Final = 64 << 20
"""Bytes that are carried of a script's output."""
JUPYTER: Final = "jupyter.log"


def bases(platform: Platform, record: Record) -> Mapping[str, int]:
    """For a run that is about to be planned."""
    logs = platform.logs.at(record.key.account, record.key.region)
    names = (JUPYTER, *HOOKS.values())
    return {name: logs.source_offset(LOG_GROUP, stream(record, name)) for name in names}


def stream(record: Record, name: str) -> str:
    """The stream of an instance that is called so."""
    return f"{record.name}/{name}"


def carry(platform: Platform, record: Record, run: Mapping[str, Any]) -> None:
    """Append what is new."""
    logs = platform.logs.at(record.key.account, record.key.region)
    for hook, name in HOOKS.items():
        _carry_file(platform, record, run, hook, name)
    base, where = run["bases"][JUPYTER], stream(record, JUPYTER)
    while True:
        offset = max(0, logs.source_offset(LOG_GROUP, where) - base)
        lines = platform.engine.logs(run["task"], offset=offset, limit=_BATCH)
        if not lines:
            return
        logs.append_from(LOG_GROUP, where, [(each.timestamp_ms, each.message, base + each.offset) for each in lines])
        if len(lines) < _BATCH:
            return


def _carry_file(platform: Platform, record: Record, run: Mapping[str, Any], hook: str, name: str) -> None:
    folder = staging.of_task(platform.ml_folder(run["task"]), "lifecycle")
    if folder is None:
        return
    logs = platform.logs.at(record.key.account, record.key.region)
    base, where = run["bases"][name], stream(record, name)
    offset = max(0, logs.source_offset(LOG_GROUP, where) - base)
    now = int(platform.clock.now() * 1000)
    lines = []
    for line in _read(folder / f"{hook}.log", offset):
        offset += len(line)
        lines.append((now, line.decode(errors="replace").rstrip("\r\n"), base + offset))
    if lines:
        logs.append_from(LOG_GROUP, where, lines)


def _read(path: Path, offset: int) -> list[bytes]:
    """Lines after an offset, the last one perhaps without its end: a script is silent for long, then done."""
    if offset >= _LONGEST:
        return []
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    with open(descriptor, "rb") as file:
        file.seek(offset)
        return file.read(_PIECE).splitlines(keepends=True)


def say(platform: Platform, record: Record, sentence: str) -> None:
    """A line of ours in the log."""
    logs = platform.logs.at(record.key.account, record.key.region)
    now = int(platform.clock.now() * 1000)
    logs.append_from(LOG_GROUP, stream(record, JUPYTER), [(now, f"sagewright: {sentence}", 0)])
