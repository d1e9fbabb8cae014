"""Lists of records as List… operations give them: filters, orders, pages, summaries.

What the store has an index for (names, times, states, facets) it answers itself. A filter or an order of a noun's own
that has none is worked out here, record by record.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson
from botocore import xform_name
from botocore.model import ListShape, StructureShape

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.resources.record import Record
from sagewright.store import cursor
from sagewright.store.base import Page, Query, SortBy
from sagewright.store.memory import matches
from sagewright.wire import model

if TYPE_CHECKING:
    from sagewright.operations.sagemaker.noun import Noun

T = TypeVar("T")
Filter = str | Callable[[Params, Any], bool]
"""The name of a facet that must be equal, or a test of (view, wanted)."""

_ORDERS: Final[Mapping[str, SortBy]] = {
    "Name": "name",
    "NAME": "name",
    "CreationTime": "created",
    "CREATION_TIME": "created",
    "LastModifiedTime": "modified",
    "LAST_MODIFIED_TIME": "modified",
    "Status": "state",
    "STATUS": "state",
}
_TIMES: Final[Mapping[str, str]] = {
    "CreationTimeAfter": "created_after",
    "CreationTimeBefore": "created_before",
    "CreatedAfter": "created_after",
    "CreatedBefore": "created_before",
    "LastModifiedTimeAfter": "modified_after",
    "LastModifiedTimeBefore": "modified_before",
    "ModifiedTimeAfter": "modified_after",
    "ModifiedTimeBefore": "modified_before",
}
_PAGING: Final = frozenset({"NextToken", "MaxResults", "SortBy", "SortOrder"})
_PAGE: Final = 10
_DIGITS: Final = 12


def page(call: Call, request: Params, noun: Noun, among: Iterable[Record] | None = None) -> Params:
    """The answer of a List… operation: a page of summaries, and a token where there is more.

    `among` are the only records that come into question, where something else than the store's filters finds them.
    """
    output = output_of(call)
    member, summary = summaries(output)
    records, token = select(call, request, noun, among)
    result: Params = {member: [project(noun.view(record), summary) for record in records]}
    if token is not None:
        result["NextToken"] = token
    return result


def select(
    call: Call, request: Params, noun: Noun, among: Iterable[Record] | None = None
) -> tuple[Sequence[Record], str | None]:
    """The records of the page that a List… request asks for, and the token of the next one."""
    query, tests = _query(call, request, noun)
    own_order = noun.sorts.get(request.get("SortBy", ""))
    limit, token = request.get("MaxResults", _PAGE), request.get("NextToken")
    try:
        if among is not None:
            chosen = [r for r in among if matches(r, query) and all(test(noun.view(r)) for test in tests)]
            return ordered([(cursor.position(r, query.sort_by), r) for r in chosen], query.descending, limit, token)
        if own_order is not None:
            return _sorted(call, query, tests, noun, own_order, limit, token)
        found = (
            _scan(call, query, tests, noun, limit, token) if tests else call.store.list(query, limit=limit, after=token)
        )
    except ValueError as error:
        raise validation_error(f"Invalid NextToken: {error}") from None
    return found.records, found.next


Test = Callable[[Params], bool]


def _query(call: Call, request: Params, noun: Noun) -> tuple[Query, Sequence[Test]]:
    """What the store is asked, and what is left to be tested record by record."""
    bounds: dict[str, Any] = {}
    facets: dict[str, str] = {}
    tests: list[Test] = []
    for member, wanted in request.items():
        own = noun.filters.get(member)
        if member in _PAGING or member in noun.parents:
            continue
        if isinstance(own, str):
            facets[own] = str(wanted)
        elif own is not None:
            tests.append(_test(own, wanted))
        elif member in _TIMES:
            bounds[_TIMES[member]] = wanted
        elif member in ("NameContains", f"{noun.name_member}Contains"):
            bounds["name_contains"] = wanted
        elif len(noun.parents) == 1 and member == f"{noun.parents[0]}Equals":
            bounds["parent"] = wanted
        elif member in ("StatusEquals", "Status", noun.state_member, f"{noun.state_member}Equals"):
            bounds["states"] = (wanted,)
        else:
            raise LookupError(f"{call.operation} has a filter {member} that {noun.title} does not know")
    if noun.parents and all(member in request for member in noun.parents):
        bounds["parent"] = noun.parent_of(request)
    order = request.get("SortOrder")
    query = Query(
        account=call.account,
        region=call.region,
        kind=noun.kind,
        facets=facets,
        sort_by=_order(call, request, noun),
        descending=noun.descending if order is None else order.upper().startswith("DESC"),
        **bounds,
    )
    return query, tests


def _order(call: Call, request: Params, noun: Noun) -> SortBy:
    """What the store sorts by; of no consequence where the noun has an order of its own."""
    wanted = request.get("SortBy", "CreationTime")
    if wanted in noun.sorts:
        return "created"
    if wanted in (noun.name_member, xform_name(noun.name_member).upper()):
        return "name"
    if wanted in (noun.state_member, xform_name(noun.state_member).upper()):
        return "state"
    if wanted not in _ORDERS:
        raise LookupError(f"{call.operation} has an order {wanted} that {noun.title} does not know")
    return _ORDERS[wanted]


def _test(own: Callable[[Params, Any], bool], wanted: Any) -> Test:
    return lambda view: own(view, wanted)


def _scan(call: Call, query: Query, tests: Sequence[Test], noun: Noun, limit: int, after: str | None) -> Page:
    found: list[Record] = []
    for record in call.store.every(query, after=after):
        if all(test(noun.view(record)) for test in tests):
            if len(found) == limit:
                return Page(found, cursor.encode(found[-1], query.sort_by))
            found.append(record)
    return Page(found)


def _sorted(
    call: Call, query: Query, tests: Sequence[Test], noun: Noun, path: str, limit: int, token: str | None
) -> tuple[Sequence[Record], str | None]:
    def position(record: Record) -> list[str]:
        return [sortable(at(noun.view(record), path)), record.key.parent, record.name]

    rows = [(position(r), r) for r in call.store.every(query) if all(test(noun.view(r)) for test in tests)]
    return ordered(rows, query.descending, limit, token)


def ordered(
    rows: Sequence[tuple[Sequence[Any], T]], descending: bool, limit: int, token: str | None
) -> tuple[Sequence[T], str | None]:
    """A page of what is sorted here, each with its position (of text and numbers), and the token of the next one.

    Raises ValueError for a token that was not handed out.
    """
    rows = sorted(rows, key=lambda row: list(row[0]), reverse=descending)
    if token is not None:
        mark = _read(token)
        try:
            rows = [row for row in rows if (list(row[0]) < mark if descending else list(row[0]) > mark)]
        except TypeError:
            raise ValueError("This page token belongs to a listing in another order.") from None
    shown = rows[:limit]
    more = base64.urlsafe_b64encode(orjson.dumps(list(shown[-1][0]))).decode() if len(rows) > limit and shown else None
    return [item for _, item in shown], more


def _read(token: str) -> list[Any]:
    try:
        mark = orjson.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        mark = None
    if not isinstance(mark, list) or not all(isinstance(part, str | float | int) for part in mark):
        raise ValueError("This page token is not one that was handed out.")
    return mark


def sortable(value: Any) -> str:
    """Text that sorts as the value does."""
    if not isinstance(value, int | float):
        return str(value or "")
    # A double's bits sort as the number does, once the sign is turned and those of negative numbers are all turned.
    (bits,) = struct.unpack(">Q", struct.pack(">d", value))
    return f"{bits ^ (2**64 - 1 if bits >> 63 else 1 << 63):016x}"


def sliced(items: Sequence[Any], request: Params, member: str) -> Params:
    """A page of what is part of one record. Raises a ValidationException for a token that was not handed out."""
    token, limit = request.get("NextToken", "0"), request.get("MaxResults", _PAGE)
    if not (token.isascii() and token.isdigit() and len(token) < _DIGITS):
        raise validation_error("Invalid NextToken: it is not one that was handed out.")
    end = int(token) + limit
    return {member: items[int(token) : end], **({"NextToken": str(end)} if end < len(items) else {})}


def contains(path: str) -> Filter:
    """A filter like NameContains on another member: ASCII letters of either case."""
    return lambda view, wanted: wanted.lower() in str(at(view, path) or "").lower()


def equals(path: str) -> Filter:
    """A filter for equality that is too rare to be worth an index."""
    return lambda view, wanted: bool(at(view, path) == wanted)


def at(view: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None."""
    value: Any = view
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def project(view: Mapping[str, Any], shape: StructureShape) -> Params:
    """The members of `view` that `shape` has, without those that are not known (never an empty stand-in)."""
    return {member: view[member] for member in shape.members if view.get(member) not in (None, "")} | {
        member: "" for member in shape.required_members if view.get(member) == ""
    }


def output_of(call: Call) -> StructureShape:
    shape = model.service(call.service).operation_model(call.operation).output_shape
    assert shape is not None
    return shape


def summaries(output: StructureShape) -> tuple[str, StructureShape]:
    """The member of a List… answer that holds the summaries, and their shape."""
    for member, shape in output.members.items():
        if isinstance(shape, ListShape) and isinstance(shape.member, StructureShape):
            return member, shape.member
    raise TypeError(f"{output.name} lists nothing")
