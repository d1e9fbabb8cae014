"""Glue's catalog as statements ask it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sagewright.base.errors import AwsError, Terminal
from sagewright.controllers.athena.ports import Caller
from sagewright.dataplane.athena.statements import Place

MISSING: Final = "EntityNotFoundException"
EXISTS: Final = "AlreadyExistsException"
_BATCH: Final = 100


class Catalog:
    """Databases and tables. Methods raise Terminal with what the query fails with, and AwsError for refusals."""

    def __init__(self, caller: Caller, database: str) -> None:
        """`database` is meant where a statement names none."""
        self._caller, self.database = caller, database

    def full(self, place: Place) -> tuple[str, str]:
        return place[0] or self.database, place[1]

    def table(self, place: Place) -> Mapping[str, Any]:
        database, name = self.full(place)
        found = self.find(database, name)
        if found is None:
            raise Terminal(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist")
        return found

    def find(self, database: str, name: str) -> Mapping[str, Any] | None:
        """None where it is not there."""
        try:
            found: Mapping[str, Any] = self.ask("GetTable", DatabaseName=database, Name=name)["Table"]
        except AwsError as error:
            if error.code == MISSING:
                return None
            raise
        return found

    def partitions(self, table: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        named = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
        return self.each("GetPartitions", "Partitions", **named)

    def add_partitions(self, table: Mapping[str, Any], added: list[tuple[list[str], str]]) -> int:
        """(values, location) of each; those that are there stay as they are. Returns how many were made."""
        made = 0
        for start in range(0, len(added), _BATCH):
            inputs = [
                {"Values": values, "StorageDescriptor": {**table["StorageDescriptor"], "Location": location}}
                for values, location in added[start : start + _BATCH]
            ]
            named = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
            answer = self.ask("BatchCreatePartition", **named, PartitionInputList=inputs)
            errors = answer.get("Errors", ())
            for each in errors:
                if each["ErrorDetail"]["ErrorCode"] != EXISTS:
                    raise Terminal(f"GENERIC_USER_ERROR: {each['ErrorDetail'].get('ErrorMessage', each)}")
            made += len(inputs) - len(errors)
        return made

    def each(self, operation: str, member: str, **params: Any) -> Iterator[Mapping[str, Any]]:
        """All pages of a list."""
        while True:
            page = self.ask(operation, **params)
            yield from page.get(member, ())
            if not page.get("NextToken"):
                return
            params["NextToken"] = page["NextToken"]

    def ask(self, operation: str, **params: Any) -> dict[str, Any]:
        return self._caller.glue(operation, params)
