"""What a feature group costs when it has very many records: single and batch gets and puts all over them."""

from __future__ import annotations

import itertools
import random
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy

from bench import features, load, peers
from bench.base import OURS, Figure, Run, Sample
from sagewright.dataplane.features import packing, tables
from sagewright.dataplane.features.event_time import SECOND

TITLE = "a feature group with many records, 20 features each; the reference is one with few in the same server"

_FEW: Final = 2_000
_PUTS: Final = 3_000
_GETS: Final = 20_000
"""More than the server remembers of what was asked for."""
_BATCHES: Final = 300
_AT_ONCE: Final = 200_000
_BEGUN: Final = 1_700_000_000


def measure(run: Run) -> Sequence[Figure]:
    """Two groups of one server; what is asked for is drawn from all of a group's records."""
    many = int(run.amount(10_000_000, 50_000))
    few = f"with {_FEW:,}"
    found = features.figures()
    for figure in found:
        figure.goal, figure.share_of = (1 / 1.5 if figure.more else 1.5), few
    with ExitStack() as stack:
        data, log = run.folder / "data", run.folder / "log"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, log))
        keys = peers.our_keys(peer, data)
        subjects: dict[str, Sample] = {}
        for subject, group, count in ((OURS, "many", many), (few, "few", _FEW)):
            size = _fill(run, peer, keys, data, group, count)
            if subject == OURS:
                run.note(f"{OURS} here asks the group of {many:,} records, {size:.1f} GB, which were written in bulk.")
            subjects[subject] = features.driven(run, peer.port, _signed(peer, keys, group, count), run.amount(5.0, 1.0))
        run.alternate("features-growth", found, subjects)
    return found


def _fill(run: Run, peer: peers.Peer, keys: peers.Keys, data: Path, group: str, count: int) -> float:
    """A group whose records are as puts in the order of their keys would have left them; its gigabytes."""
    files = data / "features"
    before = set(files.glob("*")) if files.exists() else set()
    runtime = features.made(peer, keys, group)
    runtime.put_record(FeatureGroupName=group, Record=features.record(0))
    (folder,) = set(files.glob("*")) - before
    run.say(f"writing {count:,} records")
    begun = time.perf_counter()
    database = sqlite3.connect(folder / "records.db", isolation_level=None)
    tables.prepare(database)
    for pragma in ("synchronous = OFF", "cache_size = -400000"):
        database.execute(f"PRAGMA {pragma}")
    rows = _rows(count, database)
    while some := list(itertools.islice(rows, _AT_ONCE)):
        database.execute("BEGIN")
        database.executemany("INSERT OR IGNORE INTO record VALUES (?, ?, ?, NULL, NULL, 0, ?, ?)", some)
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    size = (folder / "records.db").stat().st_size / 1e9
    run.say(f"wrote {size:.1f} GB in {time.perf_counter() - begun:.0f} s")
    return size


def _rows(count: int, database: sqlite3.Connection) -> Iterator[tuple[int, str, int, bytes, int]]:
    """In the order of their keys: the tree grows at its end."""
    keys = numpy.fromiter((tables.key(str(number)) for number in range(count)), "int64", count)
    for number in keys.argsort().tolist():
        given = features.texts(number)
        shape, data = packing.packed(database, given)
        yield int(keys[number]), str(number), (_BEGUN + number) * SECOND, data, shape


def _signed(peer: peers.Peer, keys: peers.Keys, group: str, count: int) -> Mapping[str, Sequence[load.HttpRequest]]:
    """Requests for records anywhere in the group."""
    chance = random.Random(0)

    def wanted(some: int) -> list[int]:
        return [chance.randrange(count) for _ in range(some)]

    def ask(runtime: Any) -> None:
        for number in wanted(_PUTS):
            runtime.put_record(FeatureGroupName=group, Record=features.record(number))
        for number in wanted(_GETS):
            runtime.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=str(number))
        for _ in range(_BATCHES):
            identifiers = [str(number) for number in wanted(features.BATCH)]
            batch = [{"FeatureGroupName": group, "RecordIdentifiersValueAsString": identifiers}]
            answer = runtime.batch_get_record(Identifiers=batch)
            assert answer["Records"], answer

    return features.signed(peers.client("sagemaker-featurestore-runtime", peer, keys), ask)
