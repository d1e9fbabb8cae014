"""`sagewright backup` beside a server that is being written to, and a server on the copy."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

Client = Callable[[str], Any]


def clients(server: Any) -> Client:
    """Clients of one server, whatever the environment names."""
    keys = server.environment()
    session = boto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"])
    return lambda service: session.client(service, endpoint_url=f"http://127.0.0.1:{server.port}")


def body(number: int) -> bytes:
    """Bytes that tell whether they are whole: a digest, and what it is of. Too many to be kept in the record."""
    content = str(number).encode() * 5000
    return hashlib.sha256(content).hexdigest().encode() + content


def check(data: bytes) -> None:
    assert hashlib.sha256(data[64:]).hexdigest().encode() == data[:64]


class Writer:
    """Someone who keeps writing, and remembers what was acknowledged."""

    def __init__(self, client: Client, role: str) -> None:
        self._sagemaker, self._s3, self._role = client("sagemaker"), client("s3"), role
        self.models: list[str] = []
        self.objects: dict[str, int] = {}
        self.ended_well = False

    def write(self, number: int) -> None:
        self._sagemaker.create_model(ModelName=f"m-{number}", Containers=[{"Image": "i"}], ExecutionRoleArn=self._role)
        self.models.append(f"m-{number}")
        for key in (f"k-{number}", "overwritten"):
            self._s3.put_object(Bucket="box", Key=key, Body=body(number))
            self.objects[key] = number
        if number % 3 == 2:
            gone = f"k-{number - 1}"
            del self.objects[gone]
            self._s3.delete_object(Bucket="box", Key=gone)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """It writes for as long as the block lasts."""
        end = threading.Event()

        def work() -> None:
            for number in itertools.count(1000):
                if end.is_set():
                    break
                self.write(number)
            self.ended_well = True

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()
        assert self.ended_well


def restored(server: Any, data: Path) -> Any:
    """A server on a copy of the other one's folder, somewhere else."""
    copy = type(server)(data, server.port, data.parent / f"{data.name}.log")
    copy.start()
    return copy


def test_a_copy_holds_all_that_was_acknowledged_before(own_server: Any, role: str, tmp_path: Path) -> None:
    client = clients(own_server)
    client("s3").create_bucket(Bucket="box")
    writer = Writer(client, role)
    for number in range(20):
        writer.write(number)
    with writer.busy():
        models, objects = list(writer.models), dict(writer.objects)
        told = own_server.command("backup", str(tmp_path / "copy"))
        made = len(writer.models)
    assert "Run it:" in told
    own_server.stop()
    # Elsewhere, and without what it was copied from.
    shutil.move(tmp_path / "copy", tmp_path / "elsewhere")
    shutil.rmtree(own_server.data)
    copy = restored(own_server, tmp_path / "elsewhere")
    try:
        client = clients(copy)
        listed = client("sagemaker").get_paginator("list_models").paginate(PaginationConfig={"PageSize": 100})
        names = {each["ModelName"] for page in listed for each in page["Models"]}
        assert set(models) <= names
        assert len(names) <= made
        s3 = client("s3")
        kept = {each["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="box")
                for each in page["Contents"]}  # fmt: skip
        assert {key for key in objects if key in writer.objects} <= kept
        for key in kept:
            check(s3.get_object(Bucket="box", Key=key)["Body"].read())
        writer = Writer(client, role)
        writer.write(6000)
        assert "Traceback" not in copy.log.read_text()
    finally:
        copy.stop()


def test_the_copy_is_of_one_owner_and_there_is_one(own_server: Any, tmp_path: Path) -> None:
    own_server.command("backup", str(tmp_path / "copy"))
    assert os.stat(tmp_path / "copy").st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
