"""Records of a feature group: put and got through signed HTTP, beside Feast's server on SQLite and on Redis, Redis and
bare SQLite."""

from __future__ import annotations

import itertools
import json
import socket
import sqlite3
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

from bench import load, peers
from bench.base import OURS, Figure, Missing, Run, Sample
from bench.rivals_features import feast

TITLE = "the online feature store, 20 features a record; on disk before the answer"

FEATURES: Final = 20
RECORDS: Final = 2_000
BATCH: Final = 100
_SIGNED: Final = 200
_CONNECTIONS: Final = 8
_REDIS, _SQLITE = "redis, fsync always", "bare sqlite"
_FEAST, _FEAST_ON_REDIS = "feast server", "feast on redis"
_PUT: Final = "put"
_GET: Final = "get"
_MANY: Final = f"get {BATCH}"
_KINDS: Final = (_PUT, _GET, _MANY)


def figures() -> Sequence[Figure]:
    """What is measured of each subject."""
    goals = {_GET: 2.0, _MANY: 10.0}
    return [
        *(Figure(f"{kind}, one connection", "/s") for kind in _KINDS),
        *(Figure(f"{kind}, p50", "ms", more=False) for kind in _KINDS),
        *(Figure(f"{kind}, p99", "ms", more=False, goal=goals.get(kind)) for kind in _KINDS),
        *(Figure(f"{kind}, {_CONNECTIONS} connections", "/s") for kind in _KINDS),
    ]


def measure(run: Run) -> Sequence[Figure]:
    """Ours and Feast are asked over HTTP, ours with a signature to prove; Redis over TCP, SQLite in the process."""
    found = figures()
    seconds = run.amount(3.0, 1.0)
    with ExitStack() as stack:
        log = run.folder / "log"
        subjects: dict[str, Sample] = {OURS: _ours(run, stack, log, seconds), _SQLITE: _sqlite(run, stack, seconds)}
        for name, rival in ((_REDIS, _redis), (_FEAST, _feast), (_FEAST_ON_REDIS, _feast_on_redis)):
            try:
                subjects[name] = rival(run, stack, log, seconds)
            except Missing as missing:
                run.note(str(missing))
        run.alternate("features", found, subjects)
    run.note("Redis and SQLite hand over one value of JSON for a record; they check no types and no event times.")
    return found


def _ours(run: Run, stack: ExitStack, log: Path, seconds: float) -> Sample:
    data = run.folder / "data"
    peer = peers.ours(data)
    stack.enter_context(peers.serving(peer, log))
    keys = peers.our_keys(peer, data)
    runtime = made(peer, keys, "bench")
    for number in range(0, RECORDS, 25):
        entries = [{"FeatureGroupName": "bench", "Record": record(each)} for each in range(number, number + 25)]
        answer = runtime.batch_write_record(Entries=entries)
        assert not answer["Errors"], answer

    def ask(runtime: Any) -> None:
        for number in range(_SIGNED):
            runtime.put_record(FeatureGroupName="bench", Record=record(number))
            runtime.get_record(FeatureGroupName="bench", RecordIdentifierValueAsString=str(number))
            wanted = [str(each) for each in chosen(number)]
            batch = [{"FeatureGroupName": "bench", "RecordIdentifiersValueAsString": wanted}]
            answer = runtime.batch_get_record(Identifiers=batch)
            assert len(answer["Records"]) == BATCH, answer

    return driven(run, peer.port, signed(runtime, ask), seconds)


def made(peer: peers.Peer, keys: peers.Keys, group: str) -> Any:
    """A feature group, online only; answers the client of its records."""
    names = [f"f{number}" for number in range(FEATURES)]
    peers.client("sagemaker", peer, keys).create_feature_group(
        FeatureGroupName=group,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[
            {"FeatureName": name, "FeatureType": kind}
            for name, kind in (("id", "String"), ("time", "Fractional"), *((each, "Fractional") for each in names))
        ],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    return peers.client("sagemaker-featurestore-runtime", peer, keys)


def record(number: int) -> Sequence[Mapping[str, str]]:
    """A record as PutRecord takes it."""
    return [{"FeatureName": name, "ValueAsString": value} for name, value in texts(number).items()]


def texts(number: int) -> dict[str, str]:
    """The values of a record."""
    given = {"id": number, "time": 1_700_000_000 + number, **row(number)}
    return {name: str(value) for name, value in given.items()}


def signed(runtime: Any, ask: Callable[[Any], None]) -> Mapping[str, Sequence[load.HttpRequest]]:
    """What a client that `ask` calls has sent, by kind."""
    found: dict[str, list[load.HttpRequest]] = {kind: [] for kind in _KINDS}

    def keep(kind: str) -> Callable[..., None]:
        return lambda request, **_: found[kind].append(load.caught(request))

    for kind, operation in zip(_KINDS, ("PutRecord", "GetRecord", "BatchGetRecord"), strict=True):
        runtime.meta.events.register(f"before-send.sagemaker-featurestore-runtime.{operation}", keep(kind))
    ask(runtime)
    return found


def driven(
    run: Run, port: int, requests: Mapping[str, Sequence[load.HttpRequest]], seconds: float, *, may_fail: bool = False
) -> Sample:
    """The requests of each kind, over one connection and over several. Who may fail then has no such figure: Feast's
    SQLite is locked now and then."""

    def sample() -> Mapping[str, float]:
        values: dict[str, float] = {}
        for kind in _KINDS:
            one = load.drive(run.folder, port, requests[kind], connections=1, seconds=seconds)
            values |= {
                f"{kind}, one connection": one.per_second,
                f"{kind}, p50": one.p50_ms,
                f"{kind}, p99": one.p99_ms,
            }
            with suppress(RuntimeError) if may_fail else nullcontext():
                many = load.drive(run.folder, port, requests[kind], connections=_CONNECTIONS, seconds=seconds)
                values[f"{kind}, {_CONNECTIONS} connections"] = many.per_second
        return values

    return sample


def _feast_on_redis(run: Run, stack: ExitStack, log: Path, seconds: float) -> Sample:
    return _feast(run, stack, log, seconds, _redis_server(run, stack, log, "feast"))


def _feast(run: Run, stack: ExitStack, log: Path, seconds: float, redis: int | None = None) -> Sample:
    peer = feast(run, FEATURES, redis)
    stack.enter_context(peers.serving(peer, log))
    names = [f"f{number}" for number in range(FEATURES)]

    def write(numbers: Sequence[int]) -> load.HttpRequest:
        columns: dict[str, list[Any]] = {"id": list(map(str, numbers))}
        columns["time"] = ["2026-01-01T00:00:00+00:00"] * len(numbers)
        columns |= {name: [row(number)[name] for number in numbers] for name in names}
        return load.post("/write-to-online-store", json.dumps({"feature_view_name": "bench", "df": columns}).encode())

    def read(numbers: Sequence[int]) -> load.HttpRequest:
        asked = {"features": [f"bench:{name}" for name in names], "entities": {"id": list(map(str, numbers))}}
        return load.post("/get-online-features", json.dumps(asked).encode())

    for start in range(0, RECORDS, 500):
        status, body = load.once(peer.port, write(range(start, start + 500)))
        if status != 200:
            raise Missing(f"Feast is left out: it answered {status} to a write ({body[:200]!r}).")
    requests = {
        _PUT: [write([number]) for number in range(_SIGNED)],
        _GET: [read([number]) for number in range(_SIGNED)],
        _MANY: [read(chosen(number)) for number in range(_SIGNED)],
    }
    status, body = load.once(peer.port, requests[_MANY][0])
    if status != 200 or b"null" in body:
        raise Missing(f"Feast is left out: it answered {status} to a read ({body[:200]!r}).")
    return driven(run, peer.port, requests, seconds, may_fail=True)


def _sqlite(run: Run, stack: ExitStack, seconds: float) -> Sample:
    database = sqlite3.connect(run.folder / "bare.db", isolation_level=None)
    stack.callback(database.close)
    database.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;CREATE TABLE r (id TEXT PRIMARY KEY, time INT, data BLOB)"
    )
    sql = (
        "INSERT INTO r VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET time = excluded.time, data = excluded.data "
        "WHERE excluded.time >= r.time"
    )

    def put(number: int) -> None:
        database.execute(sql, (str(number), number, json.dumps(row(number))))

    def get(numbers: Sequence[int]) -> None:
        marks = ",".join("?" * len(numbers))
        rows = database.execute(f"SELECT data FROM r WHERE id IN ({marks})", list(map(str, numbers))).fetchall()
        assert [json.loads(each[0]) for each in rows]

    for number in range(RECORDS):
        put(number)
    return lambda: _timed(
        {_PUT: put, _GET: lambda number: get([number]), _MANY: lambda number: get(chosen(number))}, seconds
    )


def _redis(run: Run, stack: ExitStack, log: Path, seconds: float) -> Sample:
    wire = stack.enter_context(_connected(_redis_server(run, stack, log, "bare")))
    answers = wire.makefile("rb")

    def ask(*words: str) -> list[bytes]:
        wire.sendall(f"*{len(words)}\r\n".encode() + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
        head = answers.readline()
        return [_bulk(answers) for _ in range(int(head[1:]))] if head[:1] == b"*" else [head]

    def put(number: int) -> None:
        ask("SET", str(number), json.dumps(row(number)))

    def get(numbers: Sequence[int]) -> None:
        assert [json.loads(each) for each in ask("MGET", *map(str, numbers))]

    for number in range(RECORDS):
        put(number)
    return lambda: _timed(
        {_PUT: put, _GET: lambda number: get([number]), _MANY: lambda number: get(chosen(number))}, seconds
    )


def _redis_server(run: Run, stack: ExitStack, log: Path, whose: str) -> int:
    """Its port, once it listens. Everything it is told to keep is on disk before it answers. Raises Missing."""
    port = peers.free_port()
    folder = run.folder / f"redis-{whose}"
    folder.mkdir()
    command = ["redis-server", "--port", str(port), "--dir", str(folder), "--save", ""]
    command += ["--appendonly", "yes", "--appendfsync", "always"]
    try:
        stack.enter_context(peers.started(peers.Peer(command, port), log))
    except FileNotFoundError:
        raise Missing(f"redis ({whose}) is left out: install redis-server (`apt install redis-server`).") from None
    _connected(port).close()
    return port


def _bulk(answers: Any) -> bytes:
    size = int(answers.readline()[1:])
    return bytes(answers.read(size + 2)[:size])


def _connected(port: int) -> socket.socket:
    end = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _timed(calls: Mapping[str, Callable[[int], None]], seconds: float) -> Mapping[str, float]:
    """Rate, p50 and p99 of each, one after the other."""
    values: dict[str, float] = {}
    for kind, call in calls.items():
        took: list[float] = []
        begun = time.perf_counter()
        for number in itertools.count():
            before = time.perf_counter()
            call(number % RECORDS)
            now = time.perf_counter()
            took.append(now - before)
            if now - begun > seconds:
                break
        values[f"{kind}, one connection"] = len(took) / sum(took)
        values[f"{kind}, p50"] = statistics.median(took) * 1e3
        values[f"{kind}, p99"] = sorted(took)[int(len(took) * 0.99)] * 1e3
    return values


def row(number: int) -> dict[str, float]:
    """The features of a record."""
    return {f"f{each}": number + each / 8 for each in range(FEATURES)}


def chosen(number: int) -> Sequence[int]:
    """The records of a batch."""
    return [(number * 37 + each * 11) % RECORDS for each in range(BATCH)]
