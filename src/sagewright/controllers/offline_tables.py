"""The tables of offline stores in Glue's catalog, so that SQL finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.features.offline import PARTITIONS, columns
from sagewright.dataplane.features.schema import Schema
from sagewright.resources.record import Key

Ask = Callable[..., dict[str, Any]]
_AT_ONCE: Final = 100
"""Partitions that Glue takes in one request."""
_FORMAT: Final = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


class Tables:
    """Everything here may be done twice."""

    def __init__(self, ask: Ask) -> None:
        """`ask` is `Neighbours.ask`."""
        self._ask = ask
        self._entered: set[tuple[str, str, str, tuple[str, ...]]] = set()

    def make(self, group: Key, table: tuple[str, str] | None, schema: Schema, place: str) -> None:
        """The table with the columns that the group has now; nothing where it has no table. Raises AwsError."""
        if table is None:
            return
        database, name = table
        self._unless_there(group, "CreateDatabase", {"DatabaseInput": {"Name": database}})
        wanted = {
            "DatabaseName": database,
            "TableInput": {
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
                "PartitionKeys": [{"Name": each, "Type": "string"} for each in PARTITIONS],
                "StorageDescriptor": _storage(schema, place),
            },
        }
        if not self._unless_there(group, "CreateTable", wanted):
            self._ask("glue", "UpdateTable", wanted, account=group.account, region=group.region)

    def enter(
        self,
        group: Key,
        table: tuple[str, str] | None,
        schema: Schema,
        place: str,
        partitions: Iterable[tuple[str, ...]],
    ) -> None:
        """See that the table has these partitions, and is there. Raises AwsError."""
        if table is None:
            return
        database, name = table
        new = [each for each in dict.fromkeys(partitions) if (group.account, *table, each) not in self._entered]
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            request = {
                "DatabaseName": database,
                "TableName": name,
                "PartitionInputList": [
                    {"Values": list(each), "StorageDescriptor": _storage(schema, f"{place}/{_folder(each)}")}
                    for each in some
                ],
            }
            try:
                self._ask("glue", "BatchCreatePartition", request, account=group.account, region=group.region)
            except AwsError as error:
                if error.code != "EntityNotFoundException":
                    raise
                self.make(group, table, schema, place)
                self._ask("glue", "BatchCreatePartition", request, account=group.account, region=group.region)
            self._entered.update((group.account, *table, each) for each in some)

    def _unless_there(self, group: Key, operation: str, request: dict[str, Any]) -> bool:
        """Whether it was made; False where it was there already."""
        try:
            self._ask("glue", operation, request, account=group.account, region=group.region)
        except AwsError as error:
            if error.code != "AlreadyExistsException":
                raise
            return False
        return True


def _storage(schema: Schema, location: str) -> dict[str, Any]:
    named: Sequence[tuple[str, str]] = columns(schema.features.values())
    return {"Columns": [{"Name": name.lower(), "Type": kind} for name, kind in named], "Location": location, **_FORMAT}


def _folder(partition: Sequence[str]) -> str:
    return "/".join(f"{name}={value}" for name, value in zip(PARTITIONS, partition, strict=True))
