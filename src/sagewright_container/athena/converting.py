"""Files of ORC and Avro as Parquet, which DuckDB reads: it has no readers for these. A file at a time, some rows at a
time, into the folder that queries may spill to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.types import from_hive, quoted

Table = Mapping[str, Any]
_ROWS: Final = 65_536


def converted(connection: Any, table: Table, root: str) -> str:
    """A folder like the table's, with its files as Parquet that names the table's columns. Raises QueryError."""
    import pyarrow  # large, and for these formats alone
    from pyarrow import parquet

    source = Path(root) / table["folder"]
    target = Path(table["scratch"]) / table["folder"]
    kinds = ", ".join(f"CAST(NULL AS {from_hive(each['Type'])}) AS {quoted(each['Name'])}" for each in table["columns"])
    schema = connection.execute(f"SELECT {kinds} LIMIT 0").to_arrow_table().schema
    for path in sorted(each for each in source.rglob("*") if each.is_file()):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with parquet.ParquetWriter(place, schema, compression="zstd") as writer:
                for batch in READERS[table["format"]](path, table, schema):
                    writer.write_table(batch)
        except (pyarrow.ArrowException, ValueError, TypeError, KeyError, EOFError, OSError) as error:
            form = table["format"].upper()
            raise QueryError(
                f"HIVE_BAD_DATA: A file of {table['database']}.{table['name']} cannot be read as {form} with the "
                f"table's columns: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
            ) from None
    return str(target)


def _orc(path: Path, table: Table, schema: Any) -> Iterator[Any]:
    """Columns by their places, as Athena reads ORC, or by their names where the table says so."""
    import pyarrow
    from pyarrow import orc

    file = orc.ORCFile(str(path))
    by_name = {name.lower(): number for number, name in enumerate(file.schema.names)}
    for stripe in range(file.nstripes):
        batch = file.read_stripe(stripe)
        columns = []
        for number, field in enumerate(schema):
            at = by_name.get(field.name.lower()) if table["options"].get("named") else number
            if at is None or at >= batch.num_columns:
                columns.append(pyarrow.nulls(batch.num_rows, field.type))
            else:
                columns.append(_as(batch.column(at), field.type))
        yield pyarrow.Table.from_arrays(columns, schema=schema)


def _as(column: Any, kind: Any) -> Any:
    """A column in the table's type. ORC's times are of nanoseconds, of which the table keeps less."""
    return column.cast(kind, safe=False) if column.type != kind else column


def _avro(path: Path, table: Table, schema: Any) -> Iterator[Any]:
    """Columns by their names."""
    import fastavro
    import pyarrow

    with path.open("rb") as file:
        names = [field.name for field in schema]
        rows: list[dict[str, Any]] = []
        for record in fastavro.reader(file):
            known = {str(key).lower(): value for key, value in record.items()} if isinstance(record, dict) else {}
            row = {name: known.get(name.lower()) for name in names}
            rows.append({field.name: _paired(row[field.name], field.type) for field in schema})
            if len(rows) == _ROWS:
                yield pyarrow.Table.from_pylist(rows, schema=schema)
                rows = []
        yield pyarrow.Table.from_pylist(rows, schema=schema)


def _paired(value: Any, kind: Any) -> Any:
    """Arrow has maps as lists of pairs; times of Avro are UTC's, and those of tables have no zone."""
    import pyarrow

    if isinstance(value, dict) and pyarrow.types.is_map(kind):
        return [(key, _paired(each, kind.item_type)) for key, each in value.items()]
    if isinstance(value, dict) and pyarrow.types.is_struct(kind):
        return {field.name: _paired(value.get(field.name), field.type) for field in kind}
    if isinstance(value, list) and pyarrow.types.is_list(kind):
        return [_paired(each, kind.value_type) for each in value]
    if pyarrow.types.is_timestamp(kind) and kind.tz is None and getattr(value, "tzinfo", None) is not None:
        return value.replace(tzinfo=None)
    return value


READERS: Final[Mapping[str, Callable[[Path, Table, Any], Iterator[Any]]]] = {"orc": _orc, "avro": _avro}
