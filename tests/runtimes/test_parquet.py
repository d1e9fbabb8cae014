"""The offline store's files, read by the library that users read them with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sagewright.dataplane.features.parquet import Column, written

_READ = """
import json, sys
import pyarrow.parquet
table = pyarrow.parquet.ParquetFile(sys.argv[1]).read()
print(json.dumps([[str(field.type) for field in table.schema], table.to_pydict()], default=str))
"""


def test_every_kind_of_column_is_read_back(tmp_path: Path, runtime_python: Callable[[str], Path]) -> None:
    rows = 300
    texts = [None if row % 7 == 0 else f"é{row}" for row in range(rows)]
    lists: list[Any] = [None if row % 5 == 0 else list(range(row % 5 - 1)) for row in range(rows)]
    columns = [
        Column("text", "string", texts),
        Column("whole", "bigint", [(-1) ** row * 2**62 + row for row in range(rows)]),
        Column("real", "double", [row / 3 for row in range(rows)]),
        Column("flag", "boolean", [row % 3 == 0 for row in range(rows)]),
        Column("when", "timestamp", [1_700_000_000_000] * rows),
        Column("list", "bigint", lists, many=True),
        *(Column(f"none{number}", "double", [None] * rows) for number in range(20)),
    ]
    file = tmp_path / "some.parquet"
    file.write_bytes(written(columns, rows))
    command = [str(runtime_python("scikit-learn")), "-c", _READ, str(file)]
    types, found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert types[:5] == ["string", "int64", "double", "bool", "timestamp[ms, tz=UTC]"]
    assert found["when"] == ["2023-11-14 22:13:20+00:00"] * rows
    for column in columns[:4] + columns[5:]:
        assert found[column.name] == column.values
