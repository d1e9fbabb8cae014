"""Any interleaving of changes with any event times, killed at any moment: what was acknowledged is there, and the
online store and the outbox are of the same changes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagewright.base.clock import SystemClock
from sagewright.dataplane.features.packing import unpacked
from sagewright.dataplane.features.store import FeatureFiles

from .model import Model, Step
from .writer import UID

_STEP = st.tuples(st.sampled_from(["put", "put", "put", "soft", "hard"]), st.integers(0, 5), st.just(""))
_CLIENTS = st.lists(st.lists(_STEP, min_size=1, max_size=12), min_size=1, max_size=4)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(clients=_CLIENTS, kills=st.lists(st.integers(0, 12), max_size=3))
def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(clients: list[list[Step]], kills: list[int]) -> None:
    work = [
        [(kind, time, f"{client}:{number}") for number, (kind, time, _) in enumerate(steps)]
        for client, steps in enumerate(clients)
    ]
    with tempfile.TemporaryDirectory() as folder:
        done: list[list[Step]] = [[] for _ in work]
        for kill in (*kills, None):
            left = [steps[len(did) :] for steps, did in zip(work, done, strict=True)]
            acknowledged = _live(Path(folder), left, kill)
            found = _found(Path(folder), len(work))
            for number, steps in enumerate(left):
                certain = acknowledged[number]
                # The one under way when it was killed may have been made or not, but not by half.
                possible = [[*done[number], *steps[:many]] for many in (certain, certain + 1) if many <= len(steps)]
                agreeing = [each for each in possible if Model.of(each) == found[number]]
                assert agreeing, (possible, found[number])
                # Of two that cannot be told apart, a refused deletion was the second: it changes nothing.
                done[number] = agreeing[0]
        assert done == work


def _live(folder: Path, work: list[list[Step]], kill: int | None) -> list[int]:
    """One life of the writer, until so many changes were acknowledged: how many of each client."""
    command = [sys.executable, "-m", "tests.unit.dataplane.features.writer"]
    lines = "\n".join([str(folder), *map(json.dumps, work)])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines)
        process.stdin.close()
        told = []
        for line in process.stdout:
            told.append(line.strip())
            if kill is not None and len(told) > kill:
                process.kill()
        process.wait()
    assert kill is not None or process.returncode == 0
    return [told.count(str(number)) for number in range(len(work))]


def _found(folder: Path, clients: int) -> list[Model]:
    files = FeatureFiles(folder, SystemClock())
    try:
        with files.at(UID) as file:
            reader = file._reader
            rows = {identifier: (time, str(unpacked(reader, shape, data)["value"]), bool(deleted))
                    for identifier, time, deleted, shape, data
                    in reader.execute("SELECT id, time, deleted, shape, packed FROM record").fetchall()}  # fmt: skip
            waiting = file.sealed(10_000, 0)
            values = [(each.time, str(each.values["value"]), each.deleted) for each in waiting[0]] if waiting else []
            file._writer.execute("DELETE FROM sealed")  # the outbox keeps all of it for the next look
    finally:
        files.close()
    return [
        Model(rows.get(str(number)), [each for each in values if _client(each[1]) == number])
        for number in range(clients)
    ]


def _client(value: str) -> int:
    return int(value.partition(":")[0])
