"""`joins.py make FOLDER ROWS LABELS`, `joins.py join FOLDER`, `joins.py sum FILE…`: run by the runtime of Athena's
queries, which has DuckDB.

Makes the Parquet files of five groups and a CSV of labels; joins them as somebody would by hand; says what a result
comes to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb

GROUPS = 5
HOURS = 48
FEATURES = ("f0", "f1", "f2", "f3")
START = 1_767_225_600  # 2026-01-01


def make(folder: Path, rows: int, labels: int) -> None:
    """Ten or so records for each of as many things as there are labels, none twice at the same time."""
    database = duckdb.connect()
    each = max(1, rows // labels)
    step = HOURS * 3600 // each
    for group in range(GROUPS):
        values = ", ".join(f"(hash(i, {group}, {n}) % 100000) / 7.0 AS {name}" for n, name in enumerate(FEATURES))
        database.execute(
            f"COPY (SELECT *, strftime(to_timestamp(time), '%Y') AS year, strftime(to_timestamp(time), '%m') AS month, "
            f"strftime(to_timestamp(time), '%d') AS day, strftime(to_timestamp(time), '%H') AS hour FROM (SELECT "
            f"CAST(i % {labels} AS BIGINT) AS id, {START} + (i // {labels}) * {step} + hash(i, {group}) % {step} + 0.5 "
            f"AS time, {values}, TIMESTAMP '2026-02-01' AS write_time, TIMESTAMP '2026-02-01' AS api_invocation_time, "
            f"false AS is_deleted FROM range({rows}) AS r(i))) TO '{folder}/group{group}' "
            "(FORMAT parquet, PARTITION_BY (year, month, day, hour), COMPRESSION gzip)"
        )
    database.execute(
        f"COPY (SELECT i AS label, hash(i) % {labels} AS thing, {START} + hash(i, 1) % {HOURS * 3600} + 0.25 AS moment "
        f"FROM range({labels}) AS r(i)) TO '{folder}/labels.csv' (HEADER false)"
    )


def join(folder: Path) -> None:
    """What one writes who knows DuckDB, over the same files."""
    database = duckdb.connect()
    database.execute(
        f"CREATE TABLE labels AS SELECT * FROM read_csv('{folder}/labels.csv', header=false, "
        "columns={'label': 'INT', 'thing': 'INT', 'moment': 'DOUBLE'})"
    )
    shown = ", ".join(f"g{group}.{name} AS {name}_{group}" for group in range(GROUPS) for name in FEATURES)
    joins = " ".join(
        f"ASOF JOIN read_parquet('{folder}/group{group}/*/*/*/*/*') g{group} ON l.thing = g{group}.id "
        f"AND l.moment >= g{group}.time"
        for group in range(GROUPS)
    )
    select = f"SELECT l.label, l.thing, l.moment, {shown} FROM labels l {joins}"
    database.execute(f"COPY ({select}) TO '{folder}/by_hand.csv' (HEADER true, FORCE_QUOTE *)")


def total(path: str) -> Any:
    """Rows, and the sum of all there is in them."""
    database = duckdb.connect()
    columns = [row[0] for row in database.execute(f"DESCRIBE SELECT * FROM read_csv('{path}')").fetchall()]
    sums = " + ".join(f'sum("{name}")' for name in columns)
    return database.execute(f"SELECT count(*), {sums} FROM read_csv('{path}')").fetchone()


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "make":
        make(Path(rest[0]), int(rest[1]), int(rest[2]))
    elif verb == "join":
        join(Path(rest[0]))
    else:
        print(json.dumps([total(path) for path in rest]))
