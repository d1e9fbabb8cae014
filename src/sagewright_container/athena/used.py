"""The tables that a query reads, each once for each moment of it that is meant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sagewright_container.athena import iceberg_metadata, tables
from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.moments import Moment
from sagewright_container.athena.translate import Resolved, translate

PLACED: Final = "$sagewright_rows"
"""Behind a table's name: its rows with where they lie. For statements that change rows alone."""


class Used:
    """`tables` are those that were asked for, in the order in which their views are made, by `database.view`."""

    def __init__(self, told: Mapping[str, Any], scratch: Path) -> None:
        """`told` is what is told of the query; in `scratch` files may be left that are read meanwhile."""
        self._told, self._scratch = told, str(scratch)
        self._known: dict[str, tables.Table] = {f"{each['database']}.{each['name']}": each for each in told["tables"]}
        output = told.get("output") or {}
        self._opened: list[str] = [told["target"]] if output.get("describe") else []
        self._changed = told["target"] if output.get("change") else None
        self.tables: dict[str, tables.Table] = {}

    def known(self, database: str, name: str) -> tables.Table:
        """What is told of an Iceberg table. Raises QueryError where it may not be read."""
        full = f"{database}.{name}"
        if full in self._told["refused"]:
            raise QueryError(self._told["refused"][full])
        return self._known[full]

    def resolve(self, database: str, name: str, moment: Moment | None) -> Resolved:
        """See `translate.Resolve`."""
        full = f"{database}.{name}"
        if full in self._opened:
            raise QueryError(f"INVALID_VIEW: The view 'awsdatacatalog.{full}' would read itself.")
        if full in self._told["refused"]:
            raise QueryError(self._told["refused"][full])
        if full not in self._known:
            return self._of_iceberg(database, name, moment)
        table = self._known[full]
        if moment is not None:
            if table["format"] != "iceberg":
                raise QueryError(
                    "NOT_SUPPORTED: This connector does not support versioned tables: "
                    f"{full} is no Iceberg table, and has no FOR … AS OF."
                )
            view = f"{name}@{moment.version:d}{moment.sql}"
            self.tables[f"{database}.{view}"] = {**table, "view": view, "moment": moment}
            return Resolved(view)
        if full not in self.tables:
            if "query" in table:
                self._opened.append(full)
                table = {**table, "select": translate(table["query"], table["means"], self.resolve)}
                self._opened.remove(full)
            else:
                tables.check(table)
            self.tables[full] = {**table, "scratch": self._scratch}  # behind all that it reads
        return Resolved(name, table.get("injected", ()))

    def _of_iceberg(self, database: str, name: str, moment: Moment | None) -> Resolved:
        """What is asked of a table behind a `$` in its name."""
        base, _, what = name.rpartition("$")
        placed = name.endswith(PLACED) and f"{database}.{name.removesuffix(PLACED)}" == self._changed
        base = name.removesuffix(PLACED) if placed else base
        full = f"{database}.{base}"
        if base and full in self._told["refused"]:
            raise QueryError(self._told["refused"][full])
        table = self._known.get(full)
        if table is None or table["format"] != "iceberg" or not (placed or what in iceberg_metadata.NAMES):
            raise QueryError(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist")
        if moment is not None:
            raise QueryError(f"NOT_SUPPORTED: Metadata tables have no moments: leave FOR … AS OF out of {name}.")
        told: dict[str, Any] = {**table, "view": name}
        told |= {"placed": True} if placed else {"metadata": what, "scratch": self._scratch}
        self.tables[f"{database}.{name}"] = told
        return Resolved(name)
