"""Point-in-time joins, made cheap: of many joined rows, a query that wants the newest for each of its labels only.

What SageMaker's dataset builders ask is, in short:

    SELECT … FROM (SELECT …, row_number() OVER (PARTITION BY b.id ORDER BY b.time DESC, f.time DESC, g.time DESC) AS n
                   FROM b JOIN f ON b.x = f.id AND b.time >= f.time JOIN g ON …) WHERE n <= 1

As it stands, every label meets every earlier row of every group: the product of them. But each join knows nothing of
the others, so the first of all combinations is made of the first of each join. So each join is reduced by itself: for
each label the newest time that it may see, then the row of that time. That is the same answer whatever the conditions.

Each of f and g is itself made by keeping, of rows with the same id and time, the newest, and leaving out what was
deleted later. `_late` sees that form and does it after the join: to few rows, not to all.

A query of another form is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlglot  # type: ignore[import-not-found]
from sqlglot import exp

_LABELS, _NUMBER, _BEST, _NTH, _DELETED = "?labels", "?number", "?best", "?nth", "?deleted"
_JOINS: Final = ("", "INNER", "LEFT")


@dataclass(frozen=True)
class _Join:
    """A join of the labels with something; `order` has the columns of that by which its newest row is told."""

    table: exp.Table
    side: str
    on: exp.Expression
    order: Sequence[str] = ()

    @property
    def name(self) -> str:
        return str(self.table.alias_or_name)


@dataclass(frozen=True)
class _Late:
    """What a group's rows are, before its duplicates are left out."""

    source: exp.Table
    deleted: exp.Expression
    identifier: str
    time: str
    ranks: Sequence[str]
    columns: Sequence[str]
    conditions: Sequence[exp.Expression]
    """Of its own columns, which are qualified with `source`'s alias."""


def newest_only(tree: exp.Expression) -> exp.Expression:
    """The query, or one with the same answer."""
    for outer in list(tree.find_all(exp.Select)):
        inner = _from(outer)
        if isinstance(inner, exp.Subquery) and isinstance(inner.this, exp.Select):
            found = _pattern(outer, inner.this)
            if found is not None:
                _rewrite(tree, inner.this, *found)
    return tree


def _from(select: Any) -> Any:
    clause = select.args.get("from_") or select.args.get("from")
    return None if clause is None or select.args.get("joins") else clause.this


def _pattern(outer: exp.Select, inner: exp.Select) -> tuple[str, list[_Join]] | None:
    """The labels' name and the joins, where `outer` wants the first row of each partition of `inner`."""
    clause = inner.args.get("from_") or inner.args.get("from")
    joins = inner.args.get("joins")
    labels: Any = None if clause is None else clause.this
    if not joins or not _plain_table(labels) or _others(inner):
        return None
    windows = [each for each in inner.expressions if isinstance(each, exp.Alias) and each.this.find(exp.Window)]
    if len(windows) != 1 or len(list(inner.find_all(exp.Window))) != 1:
        return None
    window = windows[0].this
    if not _is_row_number(window) or not _first_only(outer.args.get("where"), windows[0].alias):
        return None
    order = _descending(window)
    partition = [_column(each) for each in window.args.get("partition_by") or ()]
    base = labels.alias_or_name
    if order is None or not partition or any(each is None or each[0] != base for each in partition):
        return None
    found = [_join(join, base) for join in joins]
    if any(each is None for each in found):
        return None
    rest = list(order)
    while rest and rest[0][0] == base:
        rest.pop(0)
    named = [each for each in found if each is not None]
    if len({base, *(each.name for each in named)}) != len(named) + 1:
        return None
    made = []
    for join in named:
        mine = []
        while rest and rest[0][0] == join.name:
            mine.append(rest.pop(0)[1])
        made.append(replace(join, order=mine))
    qualified = all(column.table for column in inner.find_all(exp.Column))
    return None if rest or not qualified or not all(join.order for join in made) else (base, made)


def _plain_table(table: Any) -> bool:
    return (
        isinstance(table, exp.Table)
        and isinstance(table.this, exp.Identifier)
        and not any(value for key, value in table.args.items() if key not in ("this", "alias", "db", "catalog"))
    )


def _others(select: exp.Select) -> bool:
    """Whether it has clauses besides columns, FROM and JOIN."""
    known = ("expressions", "from", "from_", "joins")
    return any(value for key, value in select.args.items() if key not in known and key != "kind")


def _is_row_number(window: Any) -> bool:
    return isinstance(window, exp.Window) and isinstance(window.this, exp.RowNumber) and not window.args.get("spec")


def _first_only(where: Any, name: str) -> bool:
    """WHERE name <= 1, or = 1."""
    if not isinstance(where, exp.Where) or not isinstance(where.this, exp.LTE | exp.EQ):
        return False
    left, right = where.this.this, where.this.expression
    return isinstance(left, exp.Column) and left.name == name and right == exp.Literal.number(1)


def _descending(window: exp.Expression) -> list[tuple[str, str]] | None:
    """(table, column) of a window's order, where all of it is descending."""
    order = window.args.get("order")
    found = []
    for each in () if order is None else order.expressions:
        column = _column(each.this)
        if not each.args.get("desc") or each.args.get("nulls_first") or column is None:
            return None
        found.append(column)
    return found


def _column(node: Any) -> tuple[str, str] | None:
    if not isinstance(node, exp.Column) or not node.table or node.args.get("db"):
        return None
    return node.table, node.name


def _join(join: exp.Join, base: str) -> _Join | None:
    table, on = join.this, join.args.get("on")
    side = join.side or join.kind
    if not _plain_table(table) or side not in _JOINS or on is None or join.args.get("using") or join.method:
        return None
    name = table.alias_or_name
    if on.find(exp.Subquery, exp.Window, exp.Rand) or any(c.table not in (base, name) for c in on.find_all(exp.Column)):
        return None
    return _Join(table, side, on)


def _rewrite(tree: exp.Expression, inner: exp.Select, base: str, joins: Sequence[_Join]) -> None:
    select = tree if isinstance(tree, exp.Select) else None
    queries = {} if select is None else {each.alias: each for each in select.ctes}
    clause = inner.args.get("from_") or inner.args.get("from")
    labels = clause.this
    numbered = exp.select("*", f'row_number() OVER () AS "{_NUMBER}"').from_(labels.copy())
    # Numbers must be the same for all who look at them.
    inner.set("with_" if "with_" in inner.arg_types else "with", _with(numbered))
    clause.set("this", _labels(base))
    changed = []
    for join in joins:
        query = None if join.table.db else queries.get(join.table.name)
        late = None if query is None else _late(query.this, join)
        reduced = _reduced(base, join, late)
        on = exp.EQ(this=_of(base, _NUMBER), expression=_of(join.name, _NUMBER))
        changed.append(
            exp.Join(this=exp.Subquery(this=reduced, alias=_alias(join.name)), side=join.side or None, on=on)
        )
    inner.set("joins", changed)


def _with(query: exp.Expression) -> exp.With:
    made = exp.CTE(this=query, alias=_alias(_LABELS), materialized=True)
    return exp.With(expressions=[made])


def _reduced(base: str, join: _Join, late: _Late | None) -> exp.Expression:
    """For each label's number, the columns of the newest of the rows that join with it."""
    labels = _labels(base)
    rows: exp.Expression = join.table.copy()
    ranks: Sequence[str] = ()
    if late is not None:
        rows, ranks = exp.Subquery(this=_candidates(late), alias=_alias(join.name)), late.ranks
    newest = join.order[0]
    best = (
        exp.select(_of(base, _NUMBER), exp.alias_(exp.Max(this=_of(join.name, newest)), _BEST, quoted=True))
        .from_(labels.copy())
        .join(rows.copy(), on=join.on.copy())
        .group_by(_of(base, _NUMBER))
    )
    # The label's columns are there too: the condition says which of the rows of that time are meant.
    same = exp.NullSafeEQ(this=_of(join.name, newest), expression=_of(_BEST, _BEST))
    order = [exp.Ordered(this=_of(join.name, name), desc=True, nulls_first=False) for name in (*join.order[1:], *ranks)]
    nth = exp.Window(
        this=exp.RowNumber(),
        partition_by=[_of(_BEST, _NUMBER)],
        order=exp.Order(expressions=order) if order else None,
        over="OVER",
    )
    there = (
        exp.select(
            exp.Column(this=exp.Star(), table=_quoted(join.name)),
            _of(_BEST, _NUMBER),
            exp.alias_(nth, _NTH, quoted=True),
        )
        .from_(exp.Subquery(this=best, alias=_alias(_BEST)))
        .join(labels, on=exp.EQ(this=_of(base, _NUMBER), expression=_of(_BEST, _NUMBER)))
        .join(rows, on=exp.and_(join.on.copy(), same))
    )
    return (
        exp.select("*")
        .from_(exp.Subquery(this=there, alias=_alias(_NTH)))
        .where(exp.EQ(this=_of(_NTH, _NTH), expression=exp.Literal.number(1)))
    )


def _candidates(late: _Late) -> exp.Expression:
    """A group's rows but for those that were deleted later; duplicates are still there."""
    alias = late.source.alias_or_name
    gone = exp.Column(this=_quoted(late.identifier), table=_quoted(_DELETED))
    keys = (late.time, *late.ranks)
    survives: exp.Expression = gone.is_(exp.null())
    for many in range(len(keys)):
        same = [exp.EQ(this=_of(alias, key), expression=_of(_DELETED, key)) for key in keys[:many]]
        survives = exp.or_(survives, exp.and_(*same, _of(alias, keys[many]) > _of(_DELETED, keys[many])))
    wanted = dict.fromkeys([*late.columns, late.identifier, *keys])
    deleted = exp.Subquery(this=late.deleted.copy(), alias=_alias(_DELETED))
    on = exp.EQ(this=_of(alias, late.identifier), expression=gone.copy())
    return (
        exp.select(*(_of(alias, name) for name in wanted))
        .from_(late.source.copy())
        .join(deleted, on=on, join_type="left")
        .where(exp.and_(exp.paren(survives, copy=False), *(each.copy() for each in late.conditions)))
    )


def _late(query: exp.Expression, join: _Join) -> _Late | None:
    """What a query is that leaves out duplicates and what was deleted, in the form of the dataset builders.

    The form is compared as a whole with one that is made of the names in it.
    """
    if not isinstance(query, exp.Select) or len(query.ctes) != 2:
        return None
    kept, gone = query.ctes
    try:
        kept_rows, gone_rows = _from(kept.this), _from(gone.this)
        ranked = kept_rows.this
        table = _from(ranked)
        window = next(each for each in ranked.expressions if isinstance(each, exp.Alias)).this
        identifier, time = (each.name for each in window.args["partition_by"])
        ranks = [name for _, name in _descending(window) or ()]
        columns = [each.name for each in query.expressions]
        shown = [each.name for each in _from(query).this.this.expressions]
        conditions = _conjuncts(ranked.args.get("where"))
        gone_conditions = _conjuncts(gone_rows.this.args.get("where"))
        after = _conjuncts(query.args.get("where"))
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError):
        return None
    if not _plain_table(table) or len(ranks) < 1 or not set(columns) <= set(shown):
        return None
    names = {"k": kept.alias, "d": gone.alias, "o": table.alias_or_name}
    expected = _form(names, table, identifier, time, ranks, shown, columns, conditions, gone_conditions, after)
    if _normal(expected) != _normal(query):
        return None
    if not table.db and table.name in (kept.alias, gone.alias):
        return None
    told = {identifier, time}
    seen = {each.name for each in join.on.find_all(exp.Column) if each.table == join.name}
    if not seen <= told or not set(join.order) <= told:
        return None
    own = [_moved(each, names["k"], names["o"]) for each in after]
    # What is asked after duplicates were left out must have been asked before, or be the same for all of them.
    if any(each not in conditions and {c.name for c in each.find_all(exp.Column)} - told for each in own):
        return None
    return _Late(table, gone.this, identifier, time, ranks, columns, [*conditions, *own])


def _form(
    names: Mapping[str, str],
    table: exp.Table,
    identifier: str,
    time: str,
    ranks: Sequence[str],
    shown: Sequence[str],
    columns: Sequence[str],
    conditions: Sequence[exp.Expression],
    gone_conditions: Sequence[exp.Expression],
    after: Sequence[exp.Expression],
) -> exp.Expression:
    kept, gone, origin = (_q(names[key]) for key in "kdo")
    by, at, nth = _q(identifier), _q(time), _q(_NTH)
    ranked = ", ".join(f"{origin}.{_q(name)} DESC" for name in ranks)
    source = table.sql(dialect="athena", identify=True)
    keys = [time, *ranks]
    later = " OR ".join(
        "("
        + " AND ".join(
            [
                *(f"{kept}.{_q(key)} = {gone}.{_q(key)}" for key in keys[:many]),
                f"{kept}.{_q(keys[many])} > {gone}.{_q(keys[many])}",
            ]
        )
        + ")"
        for many in range(len(keys))
    )
    listed = ", ".join(f"{kept}.{_q(name)}" for name in shown)
    first = (
        f"SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY {origin}.{by}, {origin}.{at} ORDER BY {ranked}) AS "
        f"{nth} FROM {source}{_where(conditions)}) WHERE {nth} = 1"
    )
    last = (
        f"SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY {origin}.{by} ORDER BY {origin}.{at} DESC, "
        f"{ranked}) AS {nth} FROM {source}{_where(gone_conditions)}) WHERE {nth} = 1"
    )
    text = (
        f"WITH {kept} AS ({first}), {gone} AS ({last}) SELECT {', '.join(f'{kept}.{_q(each)}' for each in columns)} "
        f"FROM (SELECT {listed} FROM {kept} LEFT JOIN {gone} ON {kept}.{by} = {gone}.{by} WHERE {gone}.{by} IS NULL "
        f"UNION ALL SELECT {listed} FROM {gone} JOIN {kept} ON {kept}.{by} = {gone}.{by} AND ({later})) AS {kept}"
        f"{_where(after)}"
    )
    return sqlglot.parse_one(text, read="athena")


def _where(conditions: Sequence[exp.Expression]) -> str:
    if not conditions:
        return ""
    return f" WHERE {' AND '.join(each.sql(dialect='athena', identify=True) for each in conditions)}"


def _normal(query: exp.Expression) -> exp.Expression:
    """The same for queries that differ in parentheses, quotes and the names of windows' columns."""
    query = query.copy()
    windows = {each.alias: _NTH for each in query.find_all(exp.Alias) if isinstance(each.this, exp.Window)}
    for node in list(query.find_all(exp.Identifier)):
        node.set("this", windows.get(node.name, node.name.lower()))
        node.set("quoted", True)
    for node in list(query.find_all(exp.Paren)):
        node.replace(node.this)
    return query


def _conjuncts(where: Any) -> list[exp.Expression]:
    if where is None:
        return []
    found = where.this
    return [each.unnest() for each in found.flatten()] if isinstance(found, exp.And) else [found]


def _moved(condition: exp.Expression, before: str, after: str) -> exp.Expression:
    moved = condition.copy()
    for column in moved.find_all(exp.Column):
        if column.table == before:
            column.set("table", _quoted(after))
    return moved


def _quoted(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _of(table: str, column: str) -> exp.Column:
    return exp.column(_quoted(column), table=_quoted(table))


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=_quoted(name))


def _labels(name: str) -> exp.Table:
    return exp.Table(this=_quoted(_LABELS), alias=_alias(name))
