"""Tables of ORC, Avro, JSON and CSV in Athena, as CREATE EXTERNAL TABLE and awswrangler make them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import awswrangler as wr
import pandas as pd
import pyarrow as pa
from pyarrow import orc

Rows = Callable[..., list[list[str | None]]]


def test_orc_and_avro(rows: Rows, run: Callable[..., Any], box: str, s3: Any) -> None:
    table = pa.table({"x": [1, 2], "y": ["a", None], "z": [[1.5], []]})
    target = io.BytesIO()
    orc.write_table(table, target)
    s3.put_object(Bucket=box, Key="orc/day=1/part", Body=target.getvalue())
    rows(
        "CREATE EXTERNAL TABLE o (id int, name string, list array<double>, later string) PARTITIONED BY (day int) "
        f"STORED AS ORC LOCATION 's3://{box}/orc/'"
    )
    rows("MSCK REPAIR TABLE o")
    assert rows("SELECT * FROM o ORDER BY id") == [["1", "a", "[1.5]", None, "1"], ["2", None, "[]", None, "1"]]
    rows(
        "UNLOAD (SELECT 7 AS id, map(ARRAY['a'], ARRAY[1]) AS tags, timestamp '2026-01-02 03:04:05' AS at) "
        f"TO 's3://{box}/avro/' WITH (format = 'AVRO')"
    )
    rows(
        "CREATE EXTERNAL TABLE a (id bigint, tags map<string,int>, at timestamp, gone string) "
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.avro.AvroSerDe' STORED AS AVRO "
        f"LOCATION 's3://{box}/avro/'"
    )
    rows("INSERT INTO a SELECT 8, map(ARRAY['b'], ARRAY[2]), NULL, 'x'")
    assert rows("SELECT id, tags['b'], gone FROM a WHERE id = 8") == [["8", "2", "x"]]
    assert rows("SELECT * FROM a WHERE id = 7") == [["7", "{a=1}", "2026-01-02 03:04:05.000", None]]
    rows("CREATE TABLE made WITH (format = 'ORC') AS SELECT * FROM o")
    assert rows("SELECT sum(id) FROM made") == [["3"]]
    s3.put_object(Bucket=box, Key="orc/day=1/bad", Body=b"no file of ORC")
    assert run("SELECT * FROM o")["Status"]["StateChangeReason"].startswith("HIVE_BAD_DATA")


def test_json_of_both_serdes(rows: Rows, box: str, s3: Any) -> None:
    s3.put_object(
        Bucket=box, Key="json/1", Body=b'{"Id": 1, "the time": "x", "deep": {"a": [1, 2]}}\n{"id": 2}\n{nonsense\n'
    )
    rows(
        "CREATE EXTERNAL TABLE j (id int, at string, deep struct<a:array<int>>) "
        "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' "
        "WITH SERDEPROPERTIES ('ignore.malformed.json'='true', 'mapping.at'='the time') "
        f"LOCATION 's3://{box}/json/'"
    )
    assert rows("SELECT id, at, deep.a[2] FROM j WHERE id IS NOT NULL ORDER BY id") == [
        ["1", "x", "2"],
        ["2", None, None],
    ]
    s3.put_object(Bucket=box, Key="hive/1", Body=b'{"id": 3, "at": "y"}\n')
    rows(
        "CREATE EXTERNAL TABLE h (id int, at string) ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe' "
        f"LOCATION 's3://{box}/hive/'"
    )
    assert rows("SELECT * FROM h") == [["3", "y"]]


def test_awswranglers_formats(database: str, box: str) -> None:
    frame = pd.DataFrame({"id": [1, 2], "text": ["a,b", 'c"d'], "share": [0.5, None]})
    options: dict[str, Any] = {"dataset": True, "database": database, "mode": "overwrite"}
    wr.s3.to_csv(frame, f"s3://{box}/csv/", table="c", index=False, sep="|", **options)
    wr.s3.to_json(frame, f"s3://{box}/json/", table="j", orient="records", lines=True, index=False, **options)
    wr.s3.to_orc(frame, f"s3://{box}/orc/", table="o", **options)
    for table in ("c", "j", "o"):
        found = wr.athena.read_sql_query(
            f"SELECT * FROM {table} ORDER BY id", database=database, ctas_approach=False, s3_output=f"s3://{box}/r/"
        )
        assert list(found["id"]) == [1, 2], table
        assert list(found["share"].fillna(9)) == [0.5, 9], table
        assert next(iter(found["text"])) == "a,b", table
