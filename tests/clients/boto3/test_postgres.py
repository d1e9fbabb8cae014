"""A server whose records are in PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ..conftest import free_port

postgres = pytest.importorskip("sagewright.testing.postgres", reason="runs where Sagewright itself is installed")


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    try:
        with postgres.serving() as started:
            yield started
    except postgres.NoPostgres as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def there(server: Any, database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server on a database of its own."""
    folder = tmp_path_factory.mktemp("postgres")
    there = type(server)(folder / "data", free_port(), folder / "server.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEWRIGHT_STORE", database.new_database())
        there.start()
        yield there
        there.stop()


@pytest.fixture
def client(there: Any) -> Callable[[str], Any]:
    """A client of that server."""
    keys = there.environment()
    session = boto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"])
    return lambda service: session.client(service, endpoint_url=f"http://127.0.0.1:{there.port}")


def create(client: Callable[[str], Any], role: str, *names: str) -> None:
    for name in names:
        client("sagemaker").create_model(ModelName=name, Containers=[{"Image": "i"}], ExecutionRoleArn=role)


def test_models_and_objects_are_kept(client: Callable[[str], Any], role: str) -> None:
    create(client, role, *(f"Model-{number:02d}" for number in range(12)))
    found = client("sagemaker").list_models(SortBy="Name", SortOrder="Ascending", NameContains="DEL-0")["Models"]
    assert [each["ModelName"] for each in found] == [f"Model-{number:02d}" for number in range(10)]
    s3 = client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="a/ü", Body=b"x" * 100_000)
    assert s3.get_object(Bucket="kept", Key="a/ü")["Body"].read() == b"x" * 100_000


def test_a_database_that_was_away_for_a_moment_goes_unnoticed(
    client: Callable[[str], Any], role: str, database: Any, there: Any
) -> None:
    create(client, role, "before")
    database.stop()
    database.start(durable=False)
    create(client, role, "after")
    assert client("sagemaker").describe_model(ModelName="before")["ModelName"] == "before"
    assert "Traceback" not in there.log.read_text()


def test_what_was_acknowledged_outlives_a_killed_server(client: Callable[[str], Any], role: str, there: Any) -> None:
    create(client, role, "acknowledged")
    there.kill()
    there.start()
    assert client("sagemaker").describe_model(ModelName="acknowledged")["ModelName"] == "acknowledged"


def test_a_copy_runs_on_the_dump_that_was_made_with_it(
    client: Callable[[str], Any], role: str, there: Any, database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not on the PATH")
    create(client, role, "dumped")
    s3 = client("s3")
    s3.create_bucket(Bucket="dumped")
    s3.put_object(Bucket="dumped", Key="k", Body=b"x" * 100_000)
    told = there.command("backup", str(tmp_path / "copy"))
    assert "pg_restore" in told
    fresh = database.new_database()
    restore = ["pg_restore", "-d", fresh, str(tmp_path / "copy" / "records.dump")]
    subprocess.run(restore, check=True, capture_output=True)
    monkeypatch.setenv("SAGEWRIGHT_STORE", fresh)
    copy = type(there)(tmp_path / "copy", free_port(), tmp_path / "log")
    copy.start()
    try:
        keys = copy.environment()
        session = boto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"])
        url = f"http://127.0.0.1:{copy.port}"
        assert session.client("sagemaker", endpoint_url=url).describe_model(ModelName="dumped")["ModelName"] == "dumped"
        body = session.client("s3", endpoint_url=url).get_object(Bucket="dumped", Key="k")["Body"]
        assert body.read() == b"x" * 100_000
    finally:
        copy.stop()
