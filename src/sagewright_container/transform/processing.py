"""Data processing: what of the input is sent, how answers are joined to it, what of both is kept.

A CSV row is taken as an array, its cells as they are written; a JSON answer is added to its record under
`SageMakerOutput`. Keys of JSON come out sorted, as AWS writes them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import orjson

from sagewright_container.transform import jsonpath
from sagewright_container.transform.errors import BadData
from sagewright_container.transform.jsonpath import Everything, Places, Step
from sagewright_container.transform.plan import Plan

OUTPUT, INPUT = "SageMakerOutput", "SageMakerInput"
ID, TIME = "SageMakerInferenceId", "SageMakerInferenceTime"
MISMATCH = "Fail to join data: mismatched line count between the input and the output"

_JSON_LINES = ("application/jsonlines", "application/x-jsonlines", "application/jsonl", "application/x-ndjson")


class Processing(Protocol):
    """What happens to one request and to its answer."""

    def sent(self, payload: memoryview) -> bytes | memoryview:
        """The body of the request. Raises BadData."""

    def kept(self, payload: memoryview, answer: bytes) -> bytes:
        """What the output gets of the answer. Raises BadData."""


def of(plan: Plan, *, single: bool) -> Processing:
    """What a job asks for; `single` where a request holds one record."""
    media = _media_type(plan.content_type)
    answered = _media_type(plan.accept) or media
    identified = plan.inference_time is not None
    filtered = plan.input_filter.strip() != "$"
    kept = plan.join or plan.output_filter.strip() != "$"
    if not (filtered or kept or identified):
        return Nothing()
    steps = jsonpath.parse(plan.input_filter), jsonpath.parse(plan.output_filter)
    if (media if filtered or kept else answered) == "text/csv":
        return Csv(plan, *steps)
    if plan.split == "Line" or media in _JSON_LINES:
        return JsonLines(plan, *steps, single=single)
    return JsonDocument(plan, *steps)


class Nothing:
    """All of it is sent, and all that comes back is kept."""

    def sent(self, payload: memoryview) -> memoryview:
        """The payload."""
        return payload

    def kept(self, payload: memoryview, answer: bytes) -> bytes:
        """The answer."""
        return answer


class Csv:
    """Rows of cells. What stands in a cell is never read, so nothing of it changes."""

    def __init__(self, plan: Plan, incoming: Sequence[Step], outgoing: Sequence[Step]) -> None:
        self._incoming, self._outgoing = _picked(incoming), _picked(outgoing)
        self._join = plan.join
        self._time = plan.inference_time

    def sent(self, payload: memoryview) -> bytes | memoryview:
        """The rows with the cells that the model is to see."""
        if self._incoming is None:
            return payload
        return b"\n".join(map(self._incoming, _rows(payload)))

    def kept(self, payload: memoryview, answer: bytes) -> bytes:
        """One row for each of the answer's."""
        rows: Sequence[bytes] = _rows(answer)
        if self._join:
            given = _rows(payload)
            if len(given) != len(rows):
                raise BadData(MISMATCH)
            rows = list(map(b",".join, zip(given, rows, strict=True)))
        if self._outgoing is not None:
            rows = list(map(self._outgoing, rows))
        if self._time is not None:
            time = self._time.encode()
            rows = [b"%b,%b,%b" % (row, str(uuid.uuid4()).encode(), time) for row in rows]
        return _ended(rows, answer)


class JsonLines:
    """A JSON value a line."""

    def __init__(self, plan: Plan, incoming: Sequence[Step], outgoing: Sequence[Step], *, single: bool) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._plan, self._single = plan, single

    def sent(self, payload: memoryview) -> bytes | memoryview:
        """The part of each line that the model is to see."""
        if not self._incoming:
            return payload
        return b"\n".join(_dumps(jsonpath.select(_loads(line), self._incoming)) for line in _rows(payload))

    def kept(self, payload: memoryview, answer: bytes) -> bytes:
        """A line for each record of the answer."""
        answers = [_loads(answer)] if self._single else [_loads(line) for line in _rows(answer)]
        given: Iterable[Any] = (None for _ in answers)
        if self._plan.join:
            lines = _rows(payload)
            if len(lines) != len(answers):
                raise BadData(MISMATCH)
            given = map(_loads, lines)
        kept = (_kept(each, told, self._plan, self._outgoing) for each, told in zip(given, answers, strict=True))
        return _ended([_dumps(value) for value in kept], answer)


class JsonDocument:
    """A whole object is one JSON value, and so is the answer to it."""

    def __init__(self, plan: Plan, incoming: Sequence[Step], outgoing: Sequence[Step]) -> None:
        self._incoming, self._outgoing, self._plan = incoming, outgoing, plan

    def sent(self, payload: memoryview) -> bytes | memoryview:
        """The part of the document that the model is to see."""
        return _dumps(jsonpath.select(_loads(payload), self._incoming)) if self._incoming else payload

    def kept(self, payload: memoryview, answer: bytes) -> bytes:
        """One document."""
        given = _loads(payload) if self._plan.join else None
        return _ended([_dumps(_kept(given, _loads(answer), self._plan, self._outgoing))], answer)


def _kept(given: Any, answer: Any, plan: Plan, steps: Sequence[Step]) -> Any:
    """What the output gets of one record and its answer."""
    value = answer
    if plan.join:
        value = {**(given if isinstance(given, dict) else {INPUT: given}), OUTPUT: answer}
    value = jsonpath.select(value, steps)
    if plan.inference_time is not None:
        value = value if isinstance(value, dict) else {OUTPUT: value}
        value = {**value, ID: str(uuid.uuid4()), TIME: plan.inference_time}
    return value


# Rows and cells.


def _rows(data: bytes | memoryview) -> list[bytes]:
    """The lines of it that are not empty, without their ends."""
    text = bytes(data)
    rows = text.split(b"\n")
    if b"\r" in text:
        rows = [row.removesuffix(b"\r") for row in rows]
    if rows[-1] and b"" not in rows:
        return rows
    return [row for row in rows if row]


def _ended(rows: Sequence[bytes], answer: bytes) -> bytes:
    """Joined as lines; the last one ends as the answer's did."""
    return b"\n".join(rows) + (b"\n" if rows and answer.endswith(b"\n") else b"")


def _picked(steps: Sequence[Step]) -> Callable[[bytes], bytes] | None:
    """Makes of a row the row of the selected cells; None for all of it. Raises BadData."""
    if not steps or (len(steps) == 1 and isinstance(steps[0], Everything)):
        return None
    step = steps[0]
    if len(steps) > 1 or not isinstance(step, Places):
        raise BadData("A CSV row is an array: its JSONPath may only be an index, as $[0], or a slice, as $[1:].")
    match step.places:
        case ((int() as first, None),) if first >= 0:
            return lambda row: _after(row, first, step)
    return lambda row: b",".join(jsonpath.elements(cells(row), step))


def _after(row: bytes, first: int, step: Places) -> bytes:
    """The row without its first cells: by far the most common filter."""
    if b'"' not in row:
        parts = row.split(b",", first)
        if len(parts) > first:
            return parts[first]
    return b",".join(jsonpath.elements(cells(row), step))


def cells(row: bytes) -> list[bytes]:
    """A row's cells as they are written, quotes and all (RFC 4180, without newlines in quotes)."""
    pieces = row.split(b",")
    if b'"' not in row:
        return pieces
    found: list[bytes] = []
    open_cell: list[bytes] = []
    for piece in pieces:
        open_cell.append(piece)
        # A quote within quotes is written twice, so a cell is whole when its quotes are even in number.
        if sum(part.count(b'"') for part in open_cell) % 2 == 0:
            found.append(b",".join(open_cell))
            open_cell = []
    if open_cell:
        raise BadData(f"A CSV row has a quote that does not end: {row[:60]!r}.")
    return found


def _media_type(header: str | None) -> str:
    return (header or "").partition(";")[0].strip().lower()


def _loads(text: bytes | memoryview) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:  # NaN, which Python's servers write
        return json.loads(bytes(text))
    except ValueError as error:
        raise BadData(f"Fail to parse JSON: {error}: {bytes(text[:60])!r}") from error


def _dumps(value: Any) -> bytes:
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers beyond 64 bits
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    if b"null" in encoded:  # may have been NaN
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return encoded
