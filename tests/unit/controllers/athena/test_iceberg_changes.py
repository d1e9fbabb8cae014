"""Commits of statements: each once, also where others commit meanwhile or a server is killed behind the commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from sagewright.base.errors import AwsError, Terminal
from sagewright.controllers.athena import iceberg_changes
from sagewright.controllers.athena.catalog import Catalog
from sagewright.dataplane.athena.parsing import parse
from sagewright.dataplane.iceberg import manifests
from sagewright.dataplane.iceberg.manifests import DataFile

_SPEC = {"spec-id": 0, "fields": list[Any]()}


class World:
    """S3 and Glue; an update may come second, or not be heard of."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.table: dict[str, Any] | None = None
        self.failures: list[str] = []

    def put_bytes(self, bucket: str, key: str, data: bytes) -> None:
        self.objects[f"s3://{bucket}/{key}"] = data

    def put_file(self, bucket: str, key: str, path: Path, **_more: Any) -> None:
        self.put_bytes(bucket, key, path.read_bytes())

    def materialise(self, bucket: str, key: str, target: Path) -> None:
        target.write_bytes(self.objects[f"s3://{bucket}/{key}"])

    def remove(self, bucket: str, key: str) -> None:
        self.objects.pop(f"s3://{bucket}/{key}", None)

    def glue(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if operation == "GetTable":
            if self.table is None:
                raise AwsError("EntityNotFoundException", "none")
            return {"Table": {**self.table, "DatabaseName": params["DatabaseName"]}}
        failure = self.failures.pop(0) if operation == "UpdateTable" and self.failures else ""
        if failure == "late":
            raise AwsError("ConcurrentModificationException", "late")
        self.table = params["TableInput"]
        if failure == "unheard":
            raise AwsError("InternalFailure", "unheard")
        return {}

    def document(self) -> Any:
        assert self.table is not None
        return orjson.loads(self.objects[self.table["Parameters"]["metadata_location"]])


@pytest.fixture
def world() -> World:
    made = World()
    statement: Any = parse("CREATE TABLE d.t (a int) LOCATION 's3://b/t' TBLPROPERTIES ('table_type'='ICEBERG')")
    iceberg_changes.create(statement, _catalog(made), made, "seed", 1, again=False)  # type: ignore[arg-type]
    return made


def _catalog(world: World) -> Catalog:
    return Catalog(world, "d")  # type: ignore[arg-type]


def _keep(world: World, folder: Path, name: str, removed: tuple[str, ...] = ()) -> str:
    """What a query of this name left, with one file of one row; returns the file's address."""
    uri = f"s3://b/t/data/{name}.parquet"
    data = manifests.manifest([DataFile(uri, None, 1, 4, {}, {})], 1, {"schema-id": 0, "fields": []}, _SPEC)
    (folder / "file").write_bytes(b"data")
    (folder / "manifest").write_bytes(data)
    told = {"key": f"metadata/{name}.avro", "size": len(data), "spec": 0, "files": 1, "rows": 1, "bytes": 4}
    objects = {f"data/{name}.parquet": "file", told["key"]: "manifest"}
    outcome = {"iceberg": {"objects": objects, "manifest": told, "removed": removed}}
    asked = {"change": "UPDATE" if removed else "INSERT", "database": "d", "table": "t", "name": name}
    iceberg_changes.keep(_catalog(world), world, asked, outcome, folder, 2)  # type: ignore[arg-type]
    return uri


def test_a_commit_that_came_second_is_tried_on_the_table_as_it_is(world: World, tmp_path: Path) -> None:
    world.failures = ["late", "late"]
    _keep(world, tmp_path, "one")
    _keep(world, tmp_path, "two")
    snapshots = world.document()["snapshots"]
    assert [each["summary"]["total-records"] for each in snapshots] == ["1", "2"]


def test_a_commit_that_nobody_heard_of_is_not_made_again(world: World, tmp_path: Path) -> None:
    world.failures = ["unheard"]
    with pytest.raises(AwsError):
        _keep(world, tmp_path, "one")
    _keep(world, tmp_path, "one")
    assert [each["summary"]["total-records"] for each in world.document()["snapshots"]] == ["1"]


def test_files_that_others_took_are_a_conflict_and_nothing_changes(world: World, tmp_path: Path) -> None:
    first = _keep(world, tmp_path, "one")
    _keep(world, tmp_path, "two", removed=(first,))
    before = world.table
    with pytest.raises(Terminal, match="ICEBERG_COMMIT_ERROR"):
        _keep(world, tmp_path, "three", removed=(first,))
    assert world.table == before
    last = world.document()["snapshots"][-1]["summary"]
    assert (last["operation"], last["total-records"], last["deleted-records"]) == ("overwrite", "1", "1")


def test_two_that_change_a_table_at_once_do_not_overwrite_each_others_documents(world: World) -> None:
    table = world.table
    for column in ("b", "c"):
        world.table = table
        statement: Any = parse(f"ALTER TABLE d.t ADD COLUMNS ({column} int)")
        iceberg_changes.alter(statement, _catalog(world).table(("d", "t")), _catalog(world), world, 3)  # type: ignore[arg-type]
    assert len([key for key in world.objects if key.endswith(".json")]) == 3
