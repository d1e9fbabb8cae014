"""From Trino's SQL to DuckDB's. What cannot be translated is an error: nothing is guessed at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import sqlglot  # type: ignore[import-not-found]
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError  # type: ignore[import-not-found]
from sqlglot.optimizer.scope import traverse_scope  # type: ignore[import-not-found]

from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.functions import MACROS, SAME
from sagewright_container.athena.moments import Moment, moment_of
from sagewright_container.athena.newest import newest_only
from sagewright_container.athena.teradata import formatted
from sagewright_container.athena.types import schema_of

CATALOG: Final = "awsdatacatalog"
UNNAMED: Final = "_col?"
"""Begins the names of columns that the query does not name; Athena calls them by their places: `_col0`."""


class Resolved(NamedTuple):
    """A table that a query reads."""

    view: str
    """What it is called in its database's schema."""
    injected: Sequence[str] = ()
    """Those of its columns whose values the query has to name."""


Resolve = Callable[[str, str, Moment | None], Resolved]
"""Is told the database and the name of each table that is read, and as of when; raises QueryError for one that is not
there."""


def translate(sql: str, database: str, resolve: Resolve) -> str:
    """The query for DuckDB, where each table is a view of its name in a schema of its database's. Raises QueryError."""
    return translated(parsed(sql, exp.Query), database, resolve)


def parsed(sql: str, wanted: type[exp.Expression]) -> exp.Expression:
    """A statement of the kind that is wanted. Raises QueryError."""
    try:
        found = [each for each in sqlglot.parse(sql, read="athena") if each is not None]
    except (ParseError, TokenError) as error:
        raise QueryError(f"SYNTAX_ERROR: {_place(error)}") from None
    except (SqlglotError, RecursionError) as error:
        raise QueryError(f"SYNTAX_ERROR: {str(error).splitlines()[0]}") from None
    if len(found) == 1 and isinstance(found[0], exp.Values):
        found = [_selected(found[0])]
    if len(found) != 1 or not isinstance(found[0], wanted):
        what = "SELECT, WITH or VALUES" if wanted is exp.Query else wanted.key.upper()
        raise QueryError(f"NOT_SUPPORTED: Sagewright's Athena runs one {what} at a time.")
    return found[0]


def translated(tree: exp.Query, database: str, resolve: Resolve) -> str:
    """The same of a query as it was parsed, which is used up."""
    _check(tree)
    formatted(tree)
    newest_only(tree)
    for scope in traverse_scope(tree):
        own = {id(table) for table in scope.tables}  # a subquery's sources are also those of the query around it
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and id(source) in own:
                for column in _name(source, database, resolve):
                    _check_injected(scope.expression, source, column)
    _unqualify(tree)
    _name_columns(tree)
    try:
        return str(tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE))
    except (SqlglotError, RecursionError) as error:
        raise QueryError(f"NOT_SUPPORTED: {str(error).splitlines()[0]} Write the query without it.") from None


def _selected(values: exp.Values) -> exp.Select:
    """VALUES by themselves as a query of them."""
    first = values.expressions[0]
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    columns = [exp.to_identifier(f"{UNNAMED}{number}", quoted=True) for number in range(width)]
    values.set("alias", exp.TableAlias(this=exp.to_identifier("t"), columns=columns))
    return exp.select("*").from_(values)


def _place(error: SqlglotError) -> str:
    told = getattr(error, "errors", None)
    if told:
        first = told[0]
        return f"line {first['line']}:{first['col']}: {first['description']}"
    return str(error).splitlines()[0]


_OTHERWISE: Final = (exp.ArraySlice, exp.ParseDatetime, exp.Format)
"""What DuckDB has under the same name, and means something else by."""


def _check(tree: exp.Expression) -> None:
    for node in tree.walk():
        if isinstance(node, exp.Anonymous):
            name = str(node.this).lower()
            if name not in SAME and name not in MACROS:
                raise QueryError(
                    f"FUNCTION_NOT_FOUND: Sagewright's Athena does not translate the function {name}. Write the query "
                    "without it."
                )
        elif isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
            raise QueryError(
                "NOT_SUPPORTED: Sagewright's Athena reads tables of the catalog, and no table functions: "
                f"{node.sql(dialect='athena')[:80]}"
            )
        elif isinstance(node, _OTHERWISE):
            raise QueryError(
                "FUNCTION_NOT_FOUND: Sagewright's Athena does not translate "
                f"{node.sql(dialect='athena')[:80]}. Write the query without it."
            )
        elif isinstance(node, exp.Command | exp.Into | exp.Parameter | exp.SessionParameter):
            raise QueryError(f"NOT_SUPPORTED: {node.sql(dialect='athena')[:80]}")


def _name(table: exp.Table, database: str, resolve: Resolve) -> Sequence[str]:
    catalog, schema, name = table.catalog.lower(), (table.db or database).lower(), table.name.lower()
    if catalog not in ("", CATALOG):
        raise QueryError(f"CATALOG_NOT_FOUND: Catalog '{catalog}' does not exist. There is AwsDataCatalog.")
    resolved = resolve(schema, name, moment_of(table))
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
    table.set("catalog", None)
    table.set("db", exp.to_identifier(schema_of(schema), quoted=True))
    table.set("this", exp.to_identifier(resolved.view, quoted=True))
    return resolved.injected


def _unqualify(tree: exp.Expression) -> None:
    """Columns that name the database of their table: `shop.visits.day`. A field of a column looks alike."""
    tables = {(table.db, table.name) for table in tree.find_all(exp.Table)}
    for column in tree.find_all(exp.Column):
        if column.db and (schema_of(column.db.lower()), column.table.lower()) in tables:
            column.set("catalog", None)
            column.set("db", None)


def _check_injected(select: exp.Expression, table: exp.Table, column: str) -> None:
    """Raises QueryError where no condition on the table's rows says which values the column has."""
    where = select.args.get("where")
    if where is None or not any(_fixes(each, table, column) for each in _joined(where.this)):
        raise QueryError(
            f"CONSTRAINT_VIOLATION: For the injected projected partition column {column}, the WHERE clause must "
            f"contain only static equality conditions, and at least one such condition must be present: {column} = 'v'."
        )


def _joined(condition: exp.Expression) -> Iterator[exp.Expression]:
    """What is joined by AND."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _joined(condition.left)
        yield from _joined(condition.right)
    else:
        yield condition


def _fixes(condition: exp.Expression, table: exp.Table, column: str) -> bool:
    match condition:
        case exp.EQ():
            sides = [condition.left, condition.right]
        case exp.In():
            sides = [condition.this, *condition.expressions]
        case _:
            return False
    named = [side for side in sides if isinstance(side, exp.Column)]
    plain = [side for side in sides if isinstance(side, exp.Literal)]
    return (
        len(named) == 1
        and len(named) + len(plain) == len(sides) > 1
        and named[0].name.lower() == column
        and named[0].table.lower() in ("", table.alias_or_name.lower())
    )


def _name_columns(tree: exp.Query) -> None:
    """Name what the outermost query leaves without a name, so that it can be told from what it names itself."""
    select: exp.Expression = tree
    while not isinstance(select, exp.Select):
        inner = select.this if isinstance(select, exp.SetOperation | exp.Subquery) else None
        if inner is None:
            return
        select = inner
    for number, column in enumerate(list(select.expressions)):
        if isinstance(column, exp.Dot):
            column.replace(exp.alias_(column.copy(), column.name, quoted=True))
        elif not (isinstance(column, exp.Alias | exp.Column) or column.is_star or column.alias):
            column.replace(exp.alias_(column.copy(), f"{UNNAMED}{number}", quoted=True))
