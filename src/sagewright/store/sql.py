"""Records and leases in an SQL database, through SQLAlchemy Core: what SQLite and PostgreSQL share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import resources
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.resources.record import Key, Record
from sagewright.store import cursor
from sagewright.store.base import Page, Query, Store, Write

_METADATA = sa.MetaData()

RECORDS = sa.Table(
    "records",
    _METADATA,
    *(sa.Column(name, sa.Text) for name in ("kind", "account", "region", "parent", "name", "uid")),
    sa.Column("version", sa.BigInteger),
    *(sa.Column(name, sa.Double) for name in ("created", "modified")),
    *(sa.Column(name, sa.Text) for name in ("state", "intent", "spec", "status", "tags", "facets")),
)
FACETS = sa.Table(
    "facets",
    _METADATA,
    *(sa.Column(name, sa.Text) for name in ("kind", "account", "region", "facet", "value", "parent", "name")),
)
LEASES = sa.Table(
    "leases",
    _METADATA,
    *(sa.Column(name, sa.Text) for name in ("name", "owner")),
    sa.Column("expires", sa.Double),
)

_R = RECORDS.c
_BEYOND = "\U0010ffff" * 257
"""Follows everything that may come after a prefix: names are at most 1,024 bytes long, as S3's keys."""

# Compiled once: building an expression costs more than running it.
_KEY = sa.and_(
    _R.kind == sa.bindparam("b_kind"),
    _R.account == sa.bindparam("b_account"),
    _R.region == sa.bindparam("b_region"),
    _R.parent == sa.bindparam("b_parent"),
    _R.name == sa.bindparam("b_name"),
)
_READ = sa.and_(_KEY, _R.uid == sa.bindparam("b_uid"), _R.version == sa.bindparam("b_version"))
_GET = sa.select(RECORDS).where(_KEY)
_INSERT = RECORDS.insert()
_UPDATE = RECORDS.update().where(_READ)
_DELETE = RECORDS.delete().where(_READ)
_F = FACETS.c
_ADD_FACETS = FACETS.insert()
_DROP_FACETS = FACETS.delete().where(
    _F.kind == sa.bindparam("b_kind"),
    _F.account == sa.bindparam("b_account"),
    _F.region == sa.bindparam("b_region"),
    _F.parent == sa.bindparam("b_parent"),
    _F.name == sa.bindparam("b_name"),
)


class SqlStore(Store):
    """The port over an SQLAlchemy engine. `writing` gives the connection that writes go through."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        with self.writing() as connection:
            migrate(connection)

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction for writing; commits durably when the block ends without an exception."""
        return self._engine.begin()

    def get(self, key: Key) -> Record | None:
        with self._engine.connect() as connection:
            row = connection.execute(_GET, _bind(key)).first()
        return None if row is None else _record(row)

    def write(self, writes: Sequence[Write]) -> Sequence[Record]:
        with self.writing() as connection:
            written = [_apply(connection, verb, record) for verb, record in writes]
        self._announce([record.key for record in written])
        return written

    def list(self, query: Query, *, limit: int, after: str | None = None) -> Page:
        columns = [_R.name, _R.parent] if query.sort_by == "name" else [_R[query.sort_by], _R.parent, _R.name]
        statement = sa.select(RECORDS).where(*_conditions(query))
        if after is not None:
            mark = sa.tuple_(*(sa.literal(value) for value in cursor.decode(after, query.sort_by)))
            here = sa.tuple_(*columns)
            statement = statement.where(here < mark if query.descending else here > mark)
        order = [column.desc() if query.descending else column.asc() for column in columns]
        with self._engine.connect() as connection:
            rows = connection.execute(statement.order_by(*order).limit(limit + 1)).all()
        records = [_record(row) for row in rows[:limit]]
        more = len(rows) > limit and bool(records)
        return Page(records, cursor.encode(records[-1], query.sort_by) if more else None)

    def count(self, query: Query) -> int:
        statement = sa.select(sa.func.count()).select_from(RECORDS).where(*_conditions(query))
        with self._engine.connect() as connection:
            return int(connection.execute(statement).scalar_one())

    def unsettled(self, kind: str, settled: Sequence[str]) -> Sequence[Record]:
        condition = sa.or_(_R.state.not_in(settled), _R.intent != "run")
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(RECORDS).where(_R.kind == kind, condition)).all()
        return [_record(row) for row in rows]

    def acquire(self, name: str, owner: str, *, ttl: float, now: float) -> bool:
        with self.writing() as connection:
            held = connection.execute(sa.select(LEASES).where(LEASES.c.name == name)).first()
            if held is not None and held.owner != owner and held.expires > now:
                return False
            values = {"owner": owner, "expires": now + ttl}
            if held is None:
                connection.execute(LEASES.insert().values(name=name, **values))
            else:
                connection.execute(LEASES.update().where(LEASES.c.name == name).values(**values))
        return True

    def release(self, name: str, owner: str) -> None:
        with self.writing() as connection:
            connection.execute(LEASES.delete().where(LEASES.c.name == name, LEASES.c.owner == owner))

    def close(self) -> None:
        self._engine.dispose()


def _bind(key: Key) -> dict[str, Any]:
    return {f"b_{name}": value for name, value in key._asdict().items()}


def _apply(connection: sa.Connection, verb: str, record: Record) -> Record:
    if verb == "create":
        record = replace(record, version=1)
        try:
            connection.execute(_INSERT, _row(record))
        except IntegrityError as error:
            raise AlreadyExists(f"{record.key.kind} {record.name!r} exists") from error
        _add_facets(connection, record)
        return record
    read = {**_bind(record.key), "b_uid": record.uid, "b_version": record.version}
    if verb == "update":
        record = replace(record, version=record.version + 1)
        changed = connection.execute(_UPDATE, {**read, **_changeable(record)})
    else:
        changed = connection.execute(_DELETE, read)
    if changed.rowcount != 1:
        raise StaleRecord(f"{record.key.kind} {record.name!r} was written since it was read")
    if record.facets:
        connection.execute(_DROP_FACETS, _bind(record.key))
        if verb == "update":
            _add_facets(connection, record)
    return record


def _add_facets(connection: sa.Connection, record: Record) -> None:
    if record.facets:
        key = record.key._asdict()
        connection.execute(
            _ADD_FACETS, [{**key, "facet": name, "value": value} for name, value in record.facets.items()]
        )


def _changeable(record: Record) -> dict[str, Any]:
    return {
        "version": record.version,
        "modified": record.modified,
        "state": record.state,
        "intent": record.intent,
        "spec": orjson.dumps(record.spec).decode(),
        "status": orjson.dumps(record.status).decode(),
        "tags": orjson.dumps(record.tags).decode(),
        "facets": orjson.dumps(record.facets).decode() if record.facets else "{}",
    }


def _row(record: Record) -> dict[str, Any]:
    return {**record.key._asdict(), "uid": record.uid, "created": record.created, **_changeable(record)}


def _record(row: sa.Row[Any]) -> Record:
    return Record(
        key=Key(row.account, row.region, row.kind, row.parent, row.name),
        uid=row.uid,
        created=row.created,
        modified=row.modified,
        spec=orjson.loads(row.spec),
        status=orjson.loads(row.status),
        state=row.state,
        intent=row.intent,
        tags=orjson.loads(row.tags),
        facets=orjson.loads(row.facets),
        version=row.version,
    )


def _conditions(query: Query) -> Iterator[sa.ColumnElement[bool]]:
    yield _R.kind == query.kind
    yield _R.account == query.account
    yield _R.region == query.region
    if query.parent is not None:
        yield _R.parent == query.parent
    if query.name_contains is not None:
        yield sa.func.lower(_R.name).contains(query.name_contains.lower(), autoescape=True)
    if query.name_prefix:
        # A range rather than LIKE: it uses the index, and case matters.
        yield _R.name >= query.name_prefix
        yield _R.name < query.name_prefix + _BEYOND
    if query.name_after is not None:
        yield _R.name > query.name_after
    if query.states is not None:
        yield _R.state.in_(query.states)
    for facet, value in query.facets.items():
        yield sa.exists().where(
            _F.kind == _R.kind,
            _F.account == _R.account,
            _F.region == _R.region,
            _F.facet == facet,
            _F.value == value,
            _F.parent == _R.parent,
            _F.name == _R.name,
        )
    for column, after, before in (
        (_R.created, query.created_after, query.created_before),
        (_R.modified, query.modified_after, query.modified_before),
    ):
        if after is not None:
            yield column > after
        if before is not None:
            yield column < before


def migrate(connection: sa.Connection) -> None:
    """Bring the database to the newest schema, in the caller's transaction."""
    connection.execute(sa.text("CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY)"))
    done = set(connection.execute(sa.text("SELECT name FROM migrations")).scalars())
    folder = resources.files("sagewright.store") / "migrations"
    for script in sorted(folder.iterdir(), key=lambda path: path.name):
        if not script.name.endswith(".sql") or script.name in done:
            continue
        text = "\n".join(line for line in script.read_text().splitlines() if not line.startswith("--"))
        for statement in filter(str.strip, text.split(";")):
            connection.execute(sa.text(statement))
        connection.execute(sa.text("INSERT INTO migrations (name) VALUES (:name)"), {"name": script.name})
