"""How a query is answered without reading what it does not ask for.

Each order has an index, so a page without filters is read off it. Where there is a filter that this index does not
know, and another index says that very few records pass it, these are put in order. Else it is tried on the next
thousand records in order: what many pass has filled the page by then. What is rarer leaves few enough to be put in
order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sagewright.store import cursor
from sagewright.store.base import Query
from sagewright.store.statements import COLUMNS, Row, facet_value

Rows = Callable[[str, Sequence[Any]], Sequence[Row]]
"""Runs a query with its parameters (written as ?)."""

_BEYOND: Final = "\U0010ffff" * 257
"""Follows everything that may come after a prefix: names are at most 1,024 bytes long, as S3's keys."""
_VERY_FEW: Final = 300
"""How many records of an index are put in order without a look at whether a page fills up by itself."""
_PEEK: Final = 1_000
"""How many records in order are then looked at. Costs half a millisecond."""
_FEW: Final = 5_000
"""How many records of an index may be put in order; with more, all records are looked at in order instead."""
_SAMPLE: Final = 100
"""How many names tell which three letters are in most of them."""


_INDEX_OF: Final = {
    "parent": "parent",
    "states": "state",
    "created": "created",
    "modified": "modified",
    "name_prefix": "name",
    "name_after": "name",
}
"""Which index knows a filter; facets have their own."""


class Condition(NamedTuple):
    """Part of a WHERE. `on` is the field of the query that asks for it."""

    on: str
    sql: str
    values: tuple[Any, ...]


class Driver(NamedTuple):
    """Where the records that pass one filter are found, or all of them in some order."""

    source: str
    """A FROM that has `r` (records) in it."""
    condition: Condition | None = None
    """How the source's tables are joined, and what they are asked."""
    ordered: str = "r"
    """The table whose index gives the order."""
    facet: str = ""
    """The filter that its condition says already, together with where the records are: said twice, PostgreSQL expects
    to find hardly any."""
    sized: tuple[str, Condition] | None = None
    """What is counted to know how many records there are, where that takes less than the whole source."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What SQLite and PostgreSQL say differently about where to look."""

    name: str
    row: str
    """The column that finds a row at once."""
    among: str
    """A condition that a row is among those of a subquery, written as {}."""
    fence: str
    """After a subquery: do not look through it for a plan of your own."""
    find: str
    """The function that says where in a text another one begins, from 1; 0 if it does not."""
    facets: str
    """A FROM that takes facets `f` in their order, and the record `r` of each."""
    joined: str
    """What belongs to it in the WHERE."""
    chooses: bool
    """Whether the database takes the right index by itself, and cannot be told to."""

    def index(self, name: str) -> str:
        return "" if self.chooses else f" INDEXED BY {name}"


SQLITE: Final = Dialect(
    name="sqlite",
    row="id",
    among="id IN ({})",
    fence="",
    find="instr",
    # SQLite takes the tables of a CROSS JOIN in the order in which they are written.
    facets="facets f CROSS JOIN records r INDEXED BY records_by_parent",
    joined=" AND r.kind = f.kind AND r.account = f.account AND r.region = f.region AND r.parent = f.parent "
    "AND r.name = f.name",
    chooses=False,
)
POSTGRES: Final = Dialect(
    name="postgres",
    row="ctid",
    among="ctid = ANY (ARRAY({}))",
    fence=" OFFSET 0",
    find="strpos",
    facets="facets f CROSS JOIN LATERAL (SELECT ctid, * FROM records WHERE kind = f.kind AND account = f.account "
    "AND region = f.region AND parent = f.parent AND name = f.name OFFSET 0) r",
    joined="",
    chooses=True,
)


class Listing:
    """One query, for one database. `searchable` says whether there is an index of names' substrings."""

    def __init__(self, query: Query, rows: Rows, dialect: Dialect, *, searchable: bool) -> None:
        self._query, self._rows, self._dialect = query, rows, dialect
        self._searchable = searchable
        self._place = _place(query)
        self._filters = list(_filters(query, dialect))
        self._order = tuple(cursor.ORDERS[query.sort_by])

    def page(self, limit: int, after: cursor.Position | None) -> Sequence[Row]:
        """The first `limit` rows after a position."""
        query = self._query
        if not query.region:
            return self._plain(limit, after)
        if query.name_ignoring_case is not None:
            return self._sorted(self._folded(), limit, after)
        driver, own = self._base()
        others = [each for each in self._filters if each.on not in own]
        if not others:
            return self._along(driver, limit, after)
        if (narrow := self._smallest(self._indices(others), _VERY_FEW)) is not None:
            return self._sorted(narrow, limit, after)
        if (narrow := self._grams(seldom=True)) is not None:
            return self._sorted(narrow, limit, after)
        end = self._peek_end(driver, [each for each in self._filters if each.on in own], limit, after)
        found = self._along(driver, limit, after, end)
        if end is None or len(found) == limit:
            return found
        narrow = self._narrow(others)
        return self._along(driver, limit, after) if narrow is None else self._sorted(narrow, limit, after)

    def count(self) -> int:
        """How many records match."""
        folded = self._folded().condition if self._query.region and self._query.name_ignoring_case is not None else None
        where, values = _joined([self._place, folded, *self._filters])
        return int(self._rows(f"SELECT count(*) FROM records r WHERE {where}", values)[0][0])

    # Ways to the records.

    def _base(self) -> tuple[Driver, frozenset[str]]:
        """The index that has the query's order, and which filters it knows."""
        query = self._query
        if query.sort_by == "name":
            by = "parent" if query.parent is not None else "name"
            return self._index(by), frozenset({"parent", "name_prefix", "name_after"})
        if query.sort_by == "created" and query.facets:
            facet = next(iter(query.facets))
            return self._facet(facet), frozenset({f"facet {facet}", "created"})
        one_state = query.states is not None and len(query.states) == 1
        if query.sort_by == "state" or (query.sort_by == "created" and one_state):
            return self._index("state"), frozenset({"states", "created"} if one_state else ())
        return self._index(query.sort_by), frozenset({query.sort_by})

    def _index(self, by: str) -> Driver:
        return Driver(f"records r{self._dialect.index(f'records_by_{by}')}")

    def _facet(self, facet: str) -> Driver:
        query = self._query
        held = "f.kind = ? AND f.account = ? AND f.region = ? AND f.facet = ? AND f.value = ?"
        values = (query.kind, query.account, query.region, facet, facet_value(query.facets[facet]))
        joined = Condition("", held + self._dialect.joined, values)
        return Driver(
            self._dialect.facets, joined, "f", facet=f"facet {facet}", sized=("facets f", Condition("", held, values))
        )

    def _grams(self, *, seldom: bool) -> Driver | None:
        """What SQLite's index of names' substrings finds; None if that is too much.

        `seldom`: also None, without asking it, unless a sample of names says that it will hardly find anything.
        """
        text = _lower(self._query.name_contains or "")
        if not self._searchable or self._dialect.chooses or len(text) < 3 or "\0" in text:
            return None
        often = self._often(text)
        if seldom and min(often.values()) > 0:
            return None
        # Letters that most names hold make for long lists, and tell little; each name found is looked at anyway.
        telling = sorted(often, key=lambda gram: (often[gram], gram))[:2]
        telling = [gram for gram in telling if often[gram] <= _SAMPLE // 20] or sorted(often)
        match = " AND ".join('"{}"'.format(gram.replace('"', '""')) for gram in telling)
        most = _VERY_FEW if seldom else _FEW
        found = self._rows(f"SELECT rowid FROM grams WHERE grams MATCH ? LIMIT {most}", (match,))
        if len(found) == most:
            return None
        among = Condition("", "r.id IN (SELECT value FROM json_each(?))", (str([row[0] for row in found]),))
        return Driver("records r NOT INDEXED", among)

    def _often(self, text: str) -> Mapping[str, int]:
        """How many names of a sample hold each three letters of a text."""
        names = f"SELECT lower(r.name) FROM {self._index('name').source} WHERE {self._place.sql} LIMIT {_SAMPLE}"
        sample = [row[0] for row in self._rows(names, self._place.values)]
        grams = {text[at : at + 3] for at in range(len(text) - 2)}
        return {gram: sum(gram in name for name in sample) for gram in grams}

    def _folded(self) -> Driver:
        """The records of a name in any case: most are in lower case, and those that are not have an index."""
        row, wanted = self._dialect.row, _lower(self._query.name_ignoring_case or "")
        place = (self._query.kind, self._query.account, self._query.region)
        exact, folded = (
            f"SELECT {row} FROM records{self._dialect.index(f'records_by_{by}')} "
            "WHERE kind = ? AND account = ? AND region = ? AND region <> ''"
            for by in ("name", "folded")
        )
        either = f"{exact} AND name = ? UNION ALL {folded} AND lower(name) = ? AND name <> lower(name)"
        among = self._dialect.among.replace(row, f"r.{row}", 1).format(either)
        source = "records r" if self._dialect.chooses else "records r NOT INDEXED"
        return Driver(source, Condition("", among, (*place, wanted, *place, wanted)))

    def _narrow(self, others: Sequence[Condition]) -> Driver | None:
        """What leaves the fewest records; None if it still leaves too many."""
        if not self._dialect.chooses:
            return self._grams(seldom=False) or self._smallest(self._indices(others), _FEW)
        smallest = self._smallest(self._indices(others), _FEW)
        known = [each for each in others if each.on in _INDEX_OF]
        like = self._like()
        return smallest or (Driver("records r", like) if known or like is not None else None)

    def _like(self) -> Condition | None:
        """What PostgreSQL's index of names' substrings is asked."""
        text = _lower(self._query.name_contains or "")
        if not self._searchable or len(text) < 3:
            return None
        for special in "\\%_":
            text = text.replace(special, f"\\{special}")
        return Condition("", "lower(r.name) LIKE ? ESCAPE '\\'", (f"%{text}%",))

    def _smallest(self, drivers: Iterator[Driver], limit: int) -> Driver | None:
        """The index that leaves the fewest records, if that is less than `limit`."""
        sizes = [(self._size(driver, limit), driver) for driver in drivers]
        size, smallest = min(sizes, key=lambda sized: sized[0], default=(limit, None))
        return smallest if size < limit else None

    def _indices(self, filters: Sequence[Condition]) -> Iterator[Driver]:
        """The indices that know one of these filters."""
        for each in filters:
            if each.on.startswith("facet "):
                yield self._facet(each.on.removeprefix("facet "))
            elif each.on in _INDEX_OF and not self._dialect.chooses:
                driver = self._index(_INDEX_OF[each.on])
                where, values = _joined([self._place, each])
                yield driver._replace(sized=(driver.source, Condition("", where, tuple(values))))

    def _size(self, driver: Driver, limit: int) -> int:
        """How many records an index leaves, counted up to a limit."""
        assert driver.sized is not None
        source, condition = driver.sized
        counted = f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {condition.sql} LIMIT {limit}) counted"
        return int(self._rows(counted, condition.values)[0][0])

    # Statements.

    def _plain(self, limit: int, after: cursor.Position | None) -> Sequence[Row]:
        """Without a hint: for what stands in no region, and is found by its key."""
        return self._along(Driver("records r"), limit, after)

    def _along(
        self, driver: Driver, limit: int, after: cursor.Position | None, end: cursor.Position | None = None
    ) -> Sequence[Row]:
        """Rows read off an index in its order, between two positions."""
        where, values = self._where(driver, self._filters, after, end)
        wanted = ", ".join(f"r.{column}" for column in COLUMNS.split(", "))
        order = self._by(driver.ordered)
        return self._rows(f"SELECT {wanted} FROM {driver.source} WHERE {where} ORDER BY {order} LIMIT {limit}", values)

    def _peek_end(
        self, driver: Driver, filters: Sequence[Condition], limit: int, after: cursor.Position | None
    ) -> cursor.Position | None:
        """The position up to which a filter is tried record by record; None if that is the end of the list."""
        where, values = self._where(driver, filters, after)
        wanted = ", ".join(f"{driver.ordered}.{column}" for column in self._order)
        skipped = _PEEK + 20 * limit
        order = self._by(driver.ordered)
        sql = f"SELECT {wanted} FROM {driver.source} WHERE {where} ORDER BY {order} LIMIT 1 OFFSET {skipped}"
        rows = self._rows(sql, values)
        return tuple(rows[0]) if rows else None

    def _sorted(self, driver: Driver, limit: int, after: cursor.Position | None) -> Sequence[Row]:
        """Rows found in no order, by what leaves few, and then put in order."""
        where, values = self._where(driver._replace(ordered="r"), self._filters, after)
        row, keys = self._dialect.row, ", ".join(f"r.{column}" for column in self._order)
        found = f"SELECT r.{row}, {keys} FROM {driver.source} WHERE {where}{self._dialect.fence}"
        first = f"SELECT {row} FROM ({found}) h ORDER BY {self._by('h')} LIMIT {limit}"
        sql = f"SELECT {COLUMNS} FROM records r WHERE {self._dialect.among.format(first)} ORDER BY {self._by('r')}"
        return self._rows(sql, values)

    def _where(
        self,
        driver: Driver,
        filters: Sequence[Condition],
        after: cursor.Position | None,
        end: cursor.Position | None = None,
    ) -> tuple[str, list[Any]]:
        """What is asked of a driver's records, between two positions of its order."""
        table = driver.ordered
        here, marks = ", ".join(f"{table}.{column}" for column in self._order), ", ".join("?" * len(self._order))
        beyond, until = ("<", ">=") if self._query.descending else (">", "<=")
        if table != "r":
            filters = [
                each._replace(sql=each.sql.replace("r.created", f"{table}.created")) if each.on == "created" else each
                for each in filters
            ]
        return _joined(
            [
                None if driver.facet else self._place,
                driver.condition,
                *(each for each in filters if each.on != driver.facet),
                Condition("", f"({here}) {beyond} ({marks})", after) if after is not None else None,
                Condition("", f"({here}) {until} ({marks})", end) if end is not None else None,
            ]
        )

    def _by(self, table: str) -> str:
        way = " DESC" if self._query.descending else ""
        return ", ".join(f"{table}.{column}{way}" for column in self._order)


def _lower(text: str) -> str:
    """ASCII letters only: what `lower` does in SQLite, and in PostgreSQL where text sorts by code point."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _place(query: Query) -> Condition:
    # Said in so many words, or the indices of what stands in a region would not be taken.
    somewhere = " AND r.region <> ''" if query.region else ""
    sql = f"r.kind = ? AND r.account = ? AND r.region = ?{somewhere}"
    return Condition("", sql, (query.kind, query.account, query.region))


def _joined(conditions: Sequence[Condition | None]) -> tuple[str, list[Any]]:
    given = [each for each in conditions if each is not None]
    return " AND ".join(each.sql for each in given), [value for each in given for value in each.values]


def _filters(query: Query, dialect: Dialect) -> Iterator[Condition]:
    if query.parent is not None:
        yield Condition("parent", "r.parent = ?", (query.parent,))
    if query.name_prefix:
        # A range rather than LIKE: it uses the index, and case matters.
        beyond = query.name_prefix + _BEYOND
        yield Condition("name_prefix", "r.name >= ? AND r.name < ?", (query.name_prefix, beyond))
    if query.name_after is not None:
        yield Condition("name_after", "r.name > ?", (query.name_after,))
    if query.name_ignoring_case is not None and not query.region:
        yield Condition("name_ignoring_case", "lower(r.name) = ?", (_lower(query.name_ignoring_case),))
    if query.states is not None:
        if len(query.states) == 1:
            yield Condition("states", "r.state = ?", (query.states[0],))
        else:
            yield Condition("states", f"r.state IN ({', '.join('?' * len(query.states))})", tuple(query.states))
    for facet, value in query.facets.items():
        held = (
            "EXISTS (SELECT 1 FROM facets WHERE kind = r.kind AND account = r.account AND region = r.region "
            "AND facet = ? AND value = ? AND created = r.created AND parent = r.parent AND name = r.name)"
        )
        yield Condition(f"facet {facet}", held, (facet, facet_value(value)))
    for column, after, before in (
        ("created", query.created_after, query.created_before),
        ("modified", query.modified_after, query.modified_before),
    ):
        bounds = [(f"r.{column} {sign} ?", at) for sign, at in ((">", after), ("<", before)) if at is not None]
        if bounds:
            yield Condition(column, " AND ".join(sql for sql, _ in bounds), tuple(at for _, at in bounds))
    if query.name_contains:
        # No index knows this: where names' substrings have one, it is asked beside.
        yield Condition("name_contains", f"{dialect.find}(lower(r.name), ?) > 0", (_lower(query.name_contains),))
