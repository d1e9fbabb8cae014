"""Statements that change the rows of an Iceberg table: which rows come and go, and the files that are written anew.

A file of which a row goes is written again without it (copy-on-write); the commit takes the old one from the table.
What is told of the statement is in `output`: `change` (INSERT, DELETE, UPDATE, MERGE or OPTIMIZE), `database`, `table`,
and for an INSERT the `columns` that it names; see `iceberg_writing` for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlglot import exp  # type: ignore[import-not-found]

from sagewright_container.athena import iceberg_writing, tables
from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.iceberg import FILE, ROW, Iceberg
from sagewright_container.athena.iceberg_creating import created
from sagewright_container.athena.translate import parsed, translated
from sagewright_container.athena.types import literal, quoted
from sagewright_container.athena.used import PLACED, Used

Told = Mapping[str, Any]
_DO: Final = "$sagewright_do"
"""A column: 1 for a row that is written, 0 for one that only goes."""
_TARGET, _SMALLEST, _FEWEST = 512 << 20, 0.75, 5
"""What OPTIMIZE makes of tables that do not say otherwise: bytes of files, the part of it below which they are small,
and how many small ones there have to be."""


class Plan(NamedTuple):
    """What is to be done, in DuckDB's SQL."""

    queries: Sequence[str]
    """Rows that come or go: the table's columns, FILE, ROW and _DO."""
    fields: Sequence[Mapping[str, Any]]


def plan(told: Told, used: Used, root: str) -> Plan:
    """Raises QueryError for a statement that is not carried out."""
    output = told["output"]
    if output["change"] == "CREATE":
        return Plan([translated(parsed(told["query"], exp.Query), told["database"], used.resolve)], ())
    iceberg = Iceberg(used.known(output["database"], output["table"]), root)
    names = [each["name"].lower() for each in iceberg.fields]
    trees: Sequence[exp.Query]
    match output["change"]:
        case "INSERT":
            return Plan([_inserted(told, used, names)], iceberg.fields)
        case "DELETE":
            trees = [_deleted(parsed(told["query"], exp.Delete), names)]
        case "UPDATE":
            trees = [_updated(parsed(told["query"], exp.Update), names)]
        case "MERGE":
            trees = [*_merged(parsed(told["query"], exp.Merge), names)]
        case _:
            where = f" WHERE {told['query']}" if told["query"] else ""
            trees = [parsed(f"SELECT * FROM {_rows_of(output)}{where}", exp.Query)]
    return Plan([translated(tree, told["database"], used.resolve) for tree in trees], iceberg.fields)


def _rows_of(output: Told) -> str:
    return f"{quoted(output['database'])}.{quoted(output['table'] + PLACED)} AS {quoted(output['table'])}"


def carry_out(connection: Any, told: Told, used: Used, made: Plan, root: str, output: Path) -> dict[str, Any]:
    """The outcome. Raises QueryError and DuckDB's errors."""
    asked = told["output"]
    if asked["change"] == "CREATE":
        return created(connection, made.queries[0], asked, output)
    iceberg = Iceberg(used.known(asked["database"], asked["table"]), root)
    document = iceberg.document
    spec = next(each for each in document["partition-specs"] if each["spec-id"] == document["default-spec-id"])
    asked = {**asked, "fields": made.fields, "spec": spec, "schema": document["current-schema-id"]}
    asked["location"] = document["location"]
    placed = tables.view_of(asked["database"], asked["table"] + PLACED)
    if asked["change"] == "OPTIMIZE":
        removed, rows = _small_files(connection, iceberg, made.queries[0]), 0
        names = ", ".join(quoted(each["name"].lower()) for each in made.fields)
        within = ", ".join(map(literal, removed)) or "NULL"
        connection.execute(
            f"CREATE TEMP VIEW result AS SELECT {names} FROM {placed} WHERE {quoted(FILE)} IN ({within})"
        )
    else:
        _collect(connection, iceberg, made)
        rows = connection.execute("SELECT count(*) FROM change").fetchall()[0][0]
        removed = _rewritten(connection, made, placed)
    written = iceberg_writing.write(connection, "result", asked, output / "data")
    places = {iceberg.path(each["file_path"]): each["file_path"] for each in iceberg.files(iceberg.current)}
    told_of = {**written, "removed": [places[each] for each in removed]}
    return {"columns": [], "rows": rows, "files": [], "iceberg": told_of}


def _collect(connection: Any, iceberg: Iceberg, made: Plan) -> None:
    """The table `change`, in the types of the table that is written to."""
    kinds = [*((each["name"].lower(), iceberg.kind(each["type"])) for each in made.fields)]
    kinds += [(FILE, "VARCHAR"), (ROW, "BIGINT"), (_DO, "INTEGER")]
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in kinds)
    connection.execute(f"CREATE TEMP TABLE change ({columns})")
    for query in made.queries:
        connection.execute(f"INSERT INTO change BY NAME {query}")
    several = (
        f"SELECT 1 FROM change WHERE {quoted(FILE)} IS NOT NULL GROUP BY {quoted(FILE)}, {quoted(ROW)} "
        "HAVING count(*) > 1 LIMIT 1"
    )
    if connection.execute(several).fetchall():
        raise QueryError(
            "MERGE_TARGET_ROW_MULTIPLE_MATCHES: One MERGE target table row matched more than one source row"
        )


def _rewritten(connection: Any, made: Plan, placed: str) -> list[str]:
    """The table `result`: rows that are written. Returns the places of the files that these take the place of."""
    names = ", ".join(quoted(each["name"].lower()) for each in made.fields)
    found = connection.execute(f"SELECT DISTINCT {quoted(FILE)} FROM change WHERE {quoted(FILE)} IS NOT NULL")
    files = [row[0] for row in found.fetchall()]
    connection.execute(f"CREATE TEMP TABLE result AS SELECT {names} FROM change WHERE {quoted(_DO)} = 1")
    if files:
        same = f"c.{quoted(FILE)} = r.{quoted(FILE)} AND c.{quoted(ROW)} = r.{quoted(ROW)}"
        connection.execute(
            f"INSERT INTO result SELECT {names} FROM {placed} AS r WHERE r.{quoted(FILE)} IN "
            f"({', '.join(map(literal, files))}) AND NOT EXISTS (SELECT 1 FROM change AS c WHERE {same})"
        )
    return files


def _small_files(connection: Any, iceberg: Iceberg, query: str) -> list[str]:
    """Places of the files that OPTIMIZE brings together: small ones, of which a partition has several."""
    properties = iceberg.document.get("properties", {})

    def told(name: str, usual: float) -> float:
        try:
            return float(properties.get(name, usual))
        except ValueError:
            raise QueryError(f"INVALID_TABLE_PROPERTY: The table's property {name} is no number.") from None

    target = told("write_target_data_file_size_bytes", told("write.target-file-size-bytes", _TARGET))
    least = told("optimize_rewrite_min_data_file_size_bytes", _SMALLEST * target)
    meant = {row[0] for row in connection.execute(f"SELECT DISTINCT {quoted(FILE)} FROM ({query})").fetchall()}
    by_partition: dict[str, list[str]] = {}
    current = iceberg.document["default-spec-id"]
    for each in iceberg.files(iceberg.current):
        place = iceberg.path(each["file_path"])
        if place in meant and (each["file_size_in_bytes"] < least or each["spec"] != current):
            key = f"{each['spec']}/{sorted(each['partition'].items(), key=lambda item: item[0])}"
            by_partition.setdefault(key, []).append(place)
    found = [place for some in by_partition.values() if len(some) > 1 for place in some]
    return found if len(found) >= told("optimize_rewrite_data_file_threshold", _FEWEST) else []


# Statements as queries of the rows that come or go.


def _inserted(told: Told, used: Used, names: Sequence[str]) -> str:
    """The query's columns under the names of those that they go to."""
    query = translated(parsed(told["query"], exp.Query), told["database"], used.resolve)
    wanted = [name.lower() for name in told["output"].get("columns") or names]
    absent = [name for name in wanted if name not in names]
    if absent:
        raise QueryError(f"COLUMN_NOT_FOUND: Insert column name does not exist in target table: {absent[0]}")
    return f"SELECT *, NULL AS {quoted(FILE)}, NULL AS {quoted(ROW)}, 1 AS {quoted(_DO)} FROM ({query}) AS t(" + (
        f"{', '.join(map(quoted, wanted))})"
    )


def _deleted(tree: exp.Delete, names: Sequence[str]) -> exp.Select:
    return _of_rows(tree.this, [_column(name) for name in names], names, "0", tree.args.get("where"))


def _updated(tree: exp.Update, names: Sequence[str]) -> exp.Select:
    changed = _assigned(tree.expressions, names)
    values = [changed.get(name, _column(name)) for name in names]
    return _of_rows(tree.this, values, names, "1", tree.args.get("where"))


def _of_rows(
    table: exp.Table, values: Sequence[exp.Expression], names: Sequence[str], do: str, where: exp.Where | None
) -> exp.Select:
    shown = [exp.alias_(value, name, quoted=True) for name, value in zip(names, values, strict=True)]
    shown += [_column(FILE), _column(ROW), exp.alias_(exp.Literal.number(do), _DO, quoted=True)]
    query = exp.select(*shown).from_(_placed(table))
    return query if where is None else query.where(where.this)


def _merged(tree: exp.Merge, names: Sequence[str]) -> Iterator[exp.Select]:
    """Rows that are matched, and rows of the source that none matches."""
    target, source, on = _placed(tree.this), tree.args["using"], tree.args["on"]
    of = target.alias_or_name
    whens = tree.args["whens"].expressions
    matched = [each for each in whens if each.args["matched"]]
    others = [each for each in whens if not each.args["matched"]]
    if any(each.args.get("source") for each in whens):
        raise QueryError("NOT_SUPPORTED: MERGE has WHEN MATCHED and WHEN NOT MATCHED.")
    if matched:
        changes = [
            _assigned(each.args["then"].expressions, names) if isinstance(each.args["then"], exp.Update) else {}
            for each in matched
        ]
        shown = [
            exp.alias_(_chosen(matched, [each.get(name, _column(name, of)) for each in changes]), name, quoted=True)
            for name in names
        ]
        do = [exp.Literal.number(int(isinstance(each.args["then"], exp.Update))) for each in matched]
        shown += [_column(FILE, of), _column(ROW, of), exp.alias_(_chosen(matched, do), _DO, quoted=True)]
        query = exp.select(*shown).from_(target.copy()).join(source.copy(), on=on.copy())
        yield query.where(exp.or_(*map(_condition, matched)))
    if others:
        rows = [_row(each.args["then"], names) for each in others]
        shown = [
            exp.alias_(_chosen(others, [each.get(name, exp.null()) for each in rows]), name, quoted=True)
            for name in names
        ]
        shown += [exp.alias_(exp.null(), each, quoted=True) for each in (FILE, ROW)]
        shown.append(exp.alias_(exp.Literal.number(1), _DO, quoted=True))
        there = exp.Exists(this=exp.select("1").from_(target.copy()).where(on.copy()))
        query = exp.select(*shown).from_(source.copy()).where(exp.Not(this=there))
        yield query.where(exp.or_(*map(_condition, others)))


def _condition(when: exp.When) -> exp.Expression:
    found = when.args.get("condition")
    return exp.true() if found is None else exp.paren(found.copy())


def _chosen(whens: Sequence[exp.When], values: Sequence[exp.Expression]) -> exp.Case:
    """The value of the first clause that applies."""
    chosen = exp.Case()
    for when, value in zip(whens, values, strict=True):
        chosen = chosen.when(_condition(when), value.copy(), copy=False)
    return chosen


def _row(then: exp.Expression, names: Sequence[str]) -> dict[str, exp.Expression]:
    """The values of WHEN NOT MATCHED THEN INSERT by their columns."""
    if not isinstance(then, exp.Insert) or not isinstance(then.expression, exp.Tuple):
        raise QueryError("NOT_SUPPORTED: WHEN NOT MATCHED can be followed by INSERT (…) VALUES (…).")
    columns = [each.name.lower() for each in then.this.expressions] if then.this is not None else list(names)
    values = then.expression.expressions
    if len(columns) != len(values):
        raise QueryError(f"TYPE_MISMATCH: INSERT names {len(columns)} columns, and gives {len(values)} values.")
    _check_known(columns, names)
    return dict(zip(columns, values, strict=True))


def _assigned(items: Sequence[exp.Expression], names: Sequence[str]) -> dict[str, exp.Expression]:
    """What SET says, by the columns' names."""
    found = {item.this.name.lower(): item.expression for item in items if isinstance(item, exp.EQ)}
    _check_known(list(found), names)
    return found


def _check_known(columns: Sequence[str], names: Sequence[str]) -> None:
    absent = [name for name in columns if name not in names]
    if absent:
        raise QueryError(f"COLUMN_NOT_FOUND: The table has no column {absent[0]}.")


def _column(name: str, table: str = "") -> exp.Column:
    return exp.column(
        exp.to_identifier(name, quoted=True), table=exp.to_identifier(table, quoted=True) if table else None
    )


def _placed(table: exp.Table) -> exp.Table:
    """The rows of the statement's table, with where they lie, called as the statement calls it."""
    rows = table.copy()
    rows.set("alias", exp.TableAlias(this=exp.to_identifier(table.alias_or_name.lower(), quoted=True)))
    rows.set("this", exp.to_identifier(f"{table.name.lower()}{PLACED}", quoted=True))
    return rows
