"""Athena for callers who may not everything, and after a kill of the server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3

from .identities import user

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


def start(athena: Any, sql: str, bucket: str, database: str = "default") -> str:
    """The id of a query whose result goes to the bucket."""
    answer = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": database},
        ResultConfiguration={"OutputLocation": f"s3://{bucket}/results/"},
    )
    return str(answer["QueryExecutionId"])


def status(athena: Any, query: str) -> Any:
    """How it ended; None before."""
    found = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
    return found if found["State"] in ENDED else None


def test_a_query_reads_what_its_caller_may(unique: Callable[[str], str], eventually: Callable[..., Any]) -> None:
    s3, glue, iam = boto3.client("s3"), boto3.client("glue"), boto3.client("iam")
    name, database = unique("athena"), unique("base").replace("-", "_")
    s3.create_bucket(Bucket=name)
    glue.create_database(DatabaseInput={"Name": database})
    for table in ("open", "secret"):
        s3.put_object(Bucket=name, Key=f"{table}/rows.json", Body=json.dumps({"n": 1}))
        sql = (
            f"CREATE EXTERNAL TABLE {table} (n int) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' "
            f"LOCATION 's3://{name}/{table}/'"
        )
        query = start(boto3.client("athena"), sql, name, database)
        assert eventually(lambda query=query: status(boto3.client("athena"), query))["State"] == "SUCCEEDED"
    session = user(iam, unique("reader"), "athena:*", "glue:Get*", "s3:*")
    denied = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/secret/*"}
    who = session.client("sts").get_caller_identity()["Arn"].rpartition("/")[2]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_user_policy(UserName=who, PolicyName="not", PolicyDocument=policy)
    athena = session.client("athena", region_name="us-east-1")
    well, ill, made = (
        start(athena, sql, name, database)
        for sql in ("SELECT n AS secret FROM open", "SELECT n FROM secret", "CREATE DATABASE mine")
    )
    assert eventually(lambda: status(athena, well))["State"] == "SUCCEEDED"
    found = athena.get_query_results(QueryExecutionId=well)["ResultSet"]["Rows"]
    assert [row["Data"] for row in found] == [[{"VarCharValue": "secret"}], [{"VarCharValue": "1"}]]
    for query in (ill, made):
        ended = eventually(lambda query=query: status(athena, query))
        assert ended["State"] == "FAILED"
        assert ended["StateChangeReason"].startswith("PERMISSION_DENIED"), ended


def test_queries_outlive_a_kill(own_server: Any, eventually: Callable[..., Any]) -> None:
    settings = own_server.environment()
    session = boto3.Session(
        settings["AWS_ACCESS_KEY_ID"],
        settings["AWS_SECRET_ACCESS_KEY"],
        settings.get("AWS_SESSION_TOKEN"),
        region_name="us-east-1",
    )
    address = f"http://127.0.0.1:{own_server.port}"
    session.client("s3", endpoint_url=address).create_bucket(Bucket="results")
    athena = session.client("athena", endpoint_url=address)
    queries = [start(athena, f"SELECT sum(n) FROM UNNEST(sequence(1, {n})) AS t(n)", "results") for n in range(1, 7)]
    own_server.kill()
    own_server.start()
    for n, query in enumerate(queries, 1):
        assert eventually(lambda query=query: status(athena, query))["State"] == "SUCCEEDED"
        rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
        assert rows[1]["Data"] == [{"VarCharValue": str(n * (n + 1) // 2)}]
