"""Athena's queries with the real DuckDB and sqlglot: what Trino's functions give, and what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sagewright.compute.venvs import Environments

from .conftest import ROOT, RUNTIMES

_SCRIPT = """
import json, sys
from pathlib import Path
from sagewright_container.athena.run import main
folder = Path(sys.argv[1])
for query in json.load(sys.stdin):
    view = query.removeprefix("VIEW ")
    tables = [{"database": "db", "name": name, "columns": [{"Name": "a", "Type": "int"}], "partition_keys": [],
               "format": "view", "folder": "0", "count": 0, "query": sql, "means": "db"}
              for name, sql in (("one", "SELECT 1"), ("two", "SELECT 1, 2"), ("ring", "SELECT * FROM again"),
                                ("again", "SELECT * FROM ring"), ("mine", "SELECT * FROM v"))]
    told = {"query": view, "database": "db", "tables": tables, "refused": {"db.secret": "PERMISSION_DENIED: no"},
            "memory": 1 << 30, "threads": 1, "target": "db.v",
            "output": None if view == query else {"describe": True}}
    (folder / "input/query.json").write_text(json.dumps(told))
    main(folder)
    outcome = json.loads((folder / "output/outcome.json").read_text())
    result = "" if "error" in outcome or view != query else (folder / "output/result.csv").read_text()
    print(json.dumps([outcome.get("error", "").partition(":")[0], result]))
"""

SAME = {
    "7 / 2": "3",
    "cardinality(array[1, 2])": "2",
    "split('a-b', '-')": "[a, b]",
    "date_format(timestamp '2024-01-02 03:04:05', '%Y/%m/%d %H')": "2024/01/02 03",
    "date_diff('day', date '2024-01-01', date '2024-02-01')": "31",
    "from_unixtime(0)": "1970-01-01 00:00:00.000 UTC",
    "to_iso8601(timestamp '2024-01-02 03:04:05')": "2024-01-02T03:04:05.000",
    "json_extract_scalar('{\"a\": 1}', '$.a')": "1",
    "element_at(map(array['a'], array[1]), 'a')": "1",
    "map(array['a', 'b'], array[1, null])": "{a=1, b=null}",
    "cast(row(1, 'x') as row(a bigint, b varchar))": "{a=1, b=x}",
    "regexp_like('abc', 'b')": "true",
    "transform(array[1, 2], x -> x + 1)": "[2, 3]",
    "try_cast('x' as integer)": None,
    "date_parse('2024-01-01', '%Y-%m-%d')": "2024-01-01 00:00:00.000",
    "approx_distinct(1)": "1",
    "arbitrary(1)": "1",
    "to_hex(from_hex('ff'))": "FF",
    "to_utf8('ab')": "61 62",
    "cast(1.5 as decimal(10, 2))": "1.50",
}
REFUSED = {
    "SELECT slice(array[1, 2, 3], 2, 2)": "FUNCTION_NOT_FOUND",
    "SELECT format_datetime(now(), 'yyyy')": "FUNCTION_NOT_FOUND",
    "SELECT getenv('HOME')": "FUNCTION_NOT_FOUND",
    "SELECT * FROM read_text('/etc/passwd')": "NOT_SUPPORTED",
    "COPY (SELECT 1) TO '/tmp/file'": "NOT_SUPPORTED",
    "SELECT 1; SELECT 2": "NOT_SUPPORTED",
    "SELECT * FROM one FOR VERSION AS OF 1": "NOT_SUPPORTED",
    "SELECT * FROM nothing": "TABLE_NOT_FOUND",
    "SELECT * FROM secret": "PERMISSION_DENIED",
    "WITH secret AS (SELECT * FROM secret) SELECT * FROM secret": "PERMISSION_DENIED",
    "SELECT FROM WHERE": "SYNTAX_ERROR",
    "SELECT db.one.a FROM db.one": "",
    "SELECT a FROM one AS o WHERE EXISTS (SELECT 1 FROM one AS i WHERE i.a = o.a)": "",
    "SELECT * FROM two": "VIEW_IS_STALE",
    "SELECT * FROM ring": "INVALID_VIEW",
    "VIEW SELECT a, 'x' AS b FROM one": "",
    "VIEW SELECT * FROM mine": "INVALID_VIEW",
    "VIEW SELECT 1": "MISSING_COLUMN_NAME",
    "VIEW SELECT 1 AS a, 2 AS A": "DUPLICATE_COLUMN_NAME",
}


@pytest.fixture
def ran(tmp_path: Path) -> Callable[[list[str]], list[tuple[str, str]]]:
    """The name of the error and the result of each query."""
    python = Environments(RUNTIMES).ensure("athena", print) / "bin/python"
    for folder in ("input", "output"):
        (tmp_path / folder).mkdir()

    def run(queries: list[str]) -> list[tuple[str, str]]:
        command = [str(python), "-c", _SCRIPT, str(tmp_path)]
        environment = {"PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(
            command, input=json.dumps(queries), env=environment, check=True, capture_output=True, text=True
        )
        return [tuple(json.loads(line)) for line in done.stdout.splitlines()]

    return run


def test_functions_give_what_trino_gives(ran: Callable[[list[str]], list[tuple[str, str]]]) -> None:
    answers = ran([f"SELECT {expression}" for expression in SAME])
    for (expression, expected), (error, result) in zip(SAME.items(), answers, strict=True):
        assert error == "", expression
        assert result == ('"_col0"\n\n' if expected is None else f'"_col0"\n"{expected}"\n'), expression


def test_what_is_not_translated_is_refused(ran: Callable[[list[str]], list[tuple[str, str]]]) -> None:
    answers = ran(list(REFUSED))
    assert [(query, error) for query, (error, _) in zip(REFUSED, answers, strict=True)] == list(REFUSED.items())


_WRITES = """
import json, sys
from pathlib import Path
import fastavro
from pyarrow import orc
from sagewright_container.athena.run import main
folder = Path(sys.argv[1])
query = '''SELECT 1 AS n, 'x' AS text, CAST(1.5 AS decimal(4, 2)) AS price, ARRAY[1, NULL] AS list,
    CAST(ROW(1, 'a') AS ROW(p bigint, q varchar)) AS pair, TIMESTAMP '2024-01-02 03:04:05' AS time,
    DATE '2024-01-02' AS day UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL'''
for form, compression in (("ORC", "ZLIB"), ("AVRO", ""), ("ORC", "GZIP")):
    output = {"format": form, "compression": compression, "partitioned_by": []}
    told = {"query": query, "database": "db", "tables": [], "refused": {}, "memory": 1 << 30, "threads": 1,
            "target": "", "output": output}
    (folder / "input/query.json").write_text(json.dumps(told))
    main(folder)
    outcome = json.loads((folder / "output/outcome.json").read_text())
    if "error" in outcome:
        print(json.dumps(outcome["error"].partition(":")[0]))
        continue
    with (folder / "output/data" / outcome["files"][0]["path"]).open("rb") as file:
        rows = orc.ORCFile(file).read().to_pylist() if form == "ORC" else list(fastavro.reader(file))
    print(json.dumps(sorted(rows, key=lambda row: row["n"]), default=str))
"""


def test_results_are_written_as_orc_and_avro(tmp_path: Path) -> None:
    python = Environments(RUNTIMES).ensure("athena", print) / "bin/python"
    for folder in ("input", "output"):
        (tmp_path / folder).mkdir()
    command = [str(python), "-c", _WRITES, str(tmp_path)]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT / "src")}, check=True, capture_output=True, text=True)
    written, avro, refused = (json.loads(line) for line in done.stdout.splitlines())
    assert refused == "NOT_SUPPORTED"
    for rows in (written, avro):
        first, second = rows
        assert (first["n"], first["text"], first["price"], first["list"]) == (1, "x", "1.50", [1, None])
        assert first["pair"] == {"p": 1, "q": "a"}
        assert (first["time"][:19], first["day"]) == ("2024-01-02 03:04:05", "2024-01-02")
        assert {value for name, value in second.items() if name != "n"} == {None}
