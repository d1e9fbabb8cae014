"""A store with very many finished training jobs, written in bulk: what CreateTrainingJob would have left."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench import peers
from sagewright.base.settings import DEFAULT_ACCOUNT
from sagewright.resources.record import Key, Record
from sagewright.resources.training_job import KIND
from sagewright.store.sqlite import SqliteStore
from sagewright.store.statements import COLUMNS, columns, prepare

BEGUN: Final = int(time.time()) - 2_000_000
_ROLE: Final = f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/service-role/SagewrightExecutionRole"
_FACETS: Final = "kind, account, region, facet, value, created, parent, name"


def name(number: int) -> str:
    """No two are alike, their order is not that of their creation, and each tenth has a capital."""
    return f"{'J' if number % 10 == 0 else 'j'}ob-{number * 7919 % 1_000_003:07d}-of-many"


def created(number: int) -> float:
    """One each second."""
    return float(BEGUN + number)


def sqlite(path: Path, count: int) -> None:
    """A database of its own. Indices are built afterwards, which takes a third of the time."""
    SqliteStore(path).close()
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous = OFF", "cache_size = -400000"):
        database.execute(f"PRAGMA {pragma}")
    rows = database.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'records' AND type IN ('index', 'trigger')"
    ).fetchall()
    for kind, what, _ in rows:
        database.execute(f"DROP {kind} {what}")
    database.execute("BEGIN")
    marks = ", ".join("?" * 15)
    database.executemany(f"INSERT INTO records ({COLUMNS}) VALUES ({marks})", map(_row, range(count)))
    database.executemany(f"INSERT INTO facets ({_FACETS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", sorted(_facets(count)))
    for _, _, sql in rows:
        database.execute(sql)
    database.execute("INSERT INTO grams (rowid, name) SELECT id, name FROM records")
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def postgres(url: str, count: int) -> None:
    """A database of its own."""
    import psycopg

    from sagewright.store.postgres import PostgresStore

    PostgresStore(url).close()
    with psycopg.connect(url) as database:
        dropped = database.execute(
            "SELECT indexname, indexdef FROM pg_indexes "
            "WHERE tablename = 'records' AND indexname <> 'records_by_parent'"
        ).fetchall()
        for index, _ in dropped:
            database.execute(f"DROP INDEX {index}".encode())
        with database.cursor() as cursor:
            with cursor.copy(f"COPY records ({COLUMNS}) FROM STDIN") as copy:
                for number in range(count):
                    copy.write_row(_row(number))
            with cursor.copy(f"COPY facets ({_FACETS}) FROM STDIN") as copy:
                for row in _facets(count):
                    copy.write_row(row)
        for _, definition in dropped:
            database.execute(definition.encode())
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("VACUUM ANALYZE")


def _row(number: int) -> tuple[Any, ...]:
    write = prepare("create", _record(number))
    version, modified, *rest = write.changeable
    record = write.record
    return (*columns(record.key), record.uid, version, record.created, modified, *rest)


def _facets(count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        record = _record(number)
        kind, account, region, parent, own = columns(record.key)
        for facet, value in record.facets.items():
            yield kind, account, region, facet, value, record.created, parent, own


def _record(number: int) -> Record:
    own, at = name(number), created(number)
    spec = {
        "TrainingJobName": own,
        "RoleArn": _ROLE,
        "AlgorithmSpecification": {"TrainingImage": peers.IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {"sagemaker_program": "train.py", "epochs": "10", "n": str(number)},
        "OutputDataConfig": {"S3OutputPath": "s3://bench/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    status = {
        "TrainingJobArn": f"arn:aws:sagemaker:{peers.REGION}:{DEFAULT_ACCOUNT}:{KIND}/{own.lower()}",
        "SecondaryStatus": "Completed",
        "TrainingEndTime": at + 60,
    }
    return Record(
        key=Key(DEFAULT_ACCOUNT, peers.REGION, KIND, "", own),
        uid=f"bench-{number}",
        created=at,
        modified=at + 60,
        spec=spec,
        status=status,
        state="Stopped" if number == 777 else "Failed" if number % 30 == 0 else "Completed",
        facets={"Team": f"team-{number % 3}", "Run": f"run-{number // 10}"},
    )
