"""What the data stack's tests share: a bucket of one's own, a table, and Arrow pointed at the server.

Each library talks to S3 by a client of its own: s3fs by aiobotocore, Arrow (and pandas for Parquet) by AWS's SDK for
C++, awswrangler by boto3.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
import s3fs
from pyarrow import fs as arrow_fs

STRANGE = (
    "a b.txt",
    "a+b.txt",
    "a%20b.txt",
    "ünïcode/日本.txt",
    "q?x=1&y=2.txt",
    "hash#1.txt",
    "tab\tin.txt",
    "~'!()*.txt",
)
"""Names that are spelled in more than one way on the way to a server."""


@pytest.fixture(scope="session")
def s3() -> Any:
    return boto3.client("s3")


@pytest.fixture
def box(s3: Any, unique: Callable[[str], str]) -> str:
    """An empty bucket for one test."""
    name = unique("data")
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def files() -> s3fs.S3FileSystem:
    """s3fs without what it remembers of other tests."""
    return s3fs.S3FileSystem(skip_instance_cache=True)


@pytest.fixture
def arrow() -> arrow_fs.S3FileSystem:
    """Arrow reads AWS_ENDPOINT_URL for s3:// addresses only; a file system of one's own has to be told."""
    return arrow_fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"])


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """A thousand rows in three groups."""
    numbers = np.arange(1000)
    return pd.DataFrame({"id": numbers, "x": numbers / 7, "group": np.array(["a", "b c", "ü"])[numbers % 3]})


@pytest.fixture
def keys(s3: Any, box: str) -> Callable[..., list[str]]:
    """The keys under a prefix, as S3 itself lists them."""

    def listed(prefix: str = "") -> list[str]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=box, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    return listed


@pytest.fixture
def open_box(s3: Any, box: str) -> str:
    """A bucket that everybody may list and read."""
    s3.delete_public_access_block(Bucket=box)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{box}", f"arn:aws:s3:::{box}/*"],
    }
    s3.put_bucket_policy(Bucket=box, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return box


# Athena.


@pytest.fixture(scope="session")
def athena() -> Any:
    return boto3.client("athena")


@pytest.fixture
def database(unique: Callable[[str], str]) -> str:
    """An empty database of the catalog."""
    name = unique("base").replace("-", "_")
    boto3.client("glue").create_database(DatabaseInput={"Name": name})
    return name


@pytest.fixture
def run(athena: Any, box: str, database: str, eventually: Callable[..., Any]) -> Callable[..., Any]:
    """Carries a statement out and gives its execution when it has ended."""

    def ran(sql: str, **more: Any) -> Any:
        started = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": database},
            ResultConfiguration={"OutputLocation": f"s3://{box}/results/"},
            **more,
        )

        def ended() -> Any:
            found = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
            return found if found["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

        return eventually(ended)

    return ran


@pytest.fixture
def rows(athena: Any, run: Callable[..., Any]) -> Callable[..., list[list[str | None]]]:
    """The rows of a statement that must succeed, the header left out."""

    def found(sql: str, **more: Any) -> list[list[str | None]]:
        execution = run(sql, **more)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution["QueryExecutionId"])
        lines = [
            [value.get("VarCharValue") for value in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]
        ]
        return lines[1:] if execution["StatementType"] == "DML" else lines

    return found
