"""Log streams and log events."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.logs.common import (
    aws_words,
    bad_token,
    group_arn,
    group_name,
    invalid,
    logs_of,
    read_token,
    token,
)
from sagewright.operations.logs.patterns import BadPattern, compile_pattern
from sagewright.operations.table import Operations
from sagewright.telemetry.logs import FOREVER, PAGE_EVENTS, Event, Mark, StreamInfo

operations = Operations()

_STREAMS: Final = 50
_BATCH_BYTES: Final = 1_048_576
_BATCH_EVENTS: Final = 10_000
_EVENT_OVERHEAD: Final = 26
_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_PAGE_BYTES: Final = 1 << 20
_LOOKED_AT: Final = 200_000
"""How many events FilterLogEvents reads at most before it answers with what it has, and a token."""


# Streams.


@operations
def create_log_stream(call: Call, request: Params) -> Params:
    try:
        with aws_words():
            logs_of(call).create_stream(request["logGroupName"], request["logStreamName"])
    except AlreadyExists:
        raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists") from None
    return {}


@operations
def delete_log_stream(call: Call, request: Params) -> Params:
    with aws_words():
        logs_of(call).delete_stream(request["logGroupName"], request["logStreamName"])
    return {}


@operations
def describe_log_streams(call: Call, request: Params) -> Params:
    """A page of streams. There is a nextToken only where there are more: the SDK asks until there is none."""
    group, limit = group_name(request), request.get("limit", _STREAMS)
    by_time = request.get("orderBy") == "LastEventTime"
    if by_time and "logStreamNamePrefix" in request:
        raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    order: Literal["name", "last"] = "last" if by_time else "name"
    after = None
    if "nextToken" in request:
        time, name = read_token(request["nextToken"], 2)
        after = (_integer(time), name)
    with aws_words():
        found = logs_of(call).streams(
            group,
            request.get("logStreamNamePrefix", ""),
            order_by=order,
            descending=request.get("descending", False),
            after=after,
            limit=limit + 1,
        )
    shown = found[:limit]
    answer: Params = {"logStreams": [_stream_view(call, group, stream) for stream in shown]}
    if len(found) > limit:
        answer["nextToken"] = token((shown[-1].last or 0) if by_time else 0, shown[-1].name)
    return answer


def _stream_view(call: Call, group: str, stream: StreamInfo) -> Params:
    view: Params = {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "uploadSequenceToken": _sequence_token(stream),
        "arn": f"{group_arn(call, group)}:log-stream:{stream.name}",
        "storedBytes": 0,  # as AWS says of every stream since 2019
    }
    if stream.last is not None:
        view |= {
            "firstEventTimestamp": stream.first,
            "lastEventTimestamp": stream.last,
            "lastIngestionTime": stream.ingested,
        }
    return view


def _sequence_token(stream: StreamInfo) -> str:
    return f"{stream.size:056d}"


# Writing.


@operations
def put_log_events(call: Call, request: Params) -> Params:
    """Append events, durable on return. Sequence tokens are accepted and ignored, as AWS does."""
    group, stream, events = request["logGroupName"], request["logStreamName"], request["logEvents"]
    _check_batch(events)
    # AWS refuses a batch that is not in order of time; ours is sorted instead.
    rows = sorted(((event["timestamp"], event["message"]) for event in events), key=lambda row: row[0])
    logs = logs_of(call)
    with aws_words():
        info = logs.stream(group, stream)
        days = logs.group(group).retention_days
    oldest = logs.now - 14 * _DAY
    expired = logs.now - days * _DAY if days is not None else 0
    newest = logs.now + 2 * _HOUR
    kept = [row for row in rows if max(oldest, expired) <= row[0] <= newest]
    if kept:
        with aws_words():
            logs.put(group, stream, kept)
            info = logs.stream(group, stream)
    answer: Params = {"nextSequenceToken": _sequence_token(info)}
    rejected = _rejected([row[0] for row in rows], oldest, expired, newest)
    if rejected:
        answer["rejectedLogEventsInfo"] = rejected
    return answer


def _check_batch(events: Sequence[Params]) -> None:
    if len(events) > _BATCH_EVENTS:
        raise invalid(f"A batch holds at most {_BATCH_EVENTS} log events; this one has {len(events)}.")
    size = sum(len(event["message"].encode("utf-8", "replace")) + _EVENT_OVERHEAD for event in events)
    if size > _BATCH_BYTES:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {_BATCH_BYTES}")
    times = [event["timestamp"] for event in events]
    if max(times) - min(times) > _DAY:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")


def _rejected(times: Sequence[int], oldest: int, expired: int, newest: int) -> Params:
    """Which events were not taken: an end index is that of the first event that is not of that kind."""
    info: Params = {}
    if times[0] < expired and expired > oldest:
        info["expiredLogEventEndIndex"] = sum(time < expired for time in times)
    elif times[0] < oldest:
        info["tooOldLogEventEndIndex"] = sum(time < oldest for time in times)
    if times[-1] > newest:
        info["tooNewLogEventStartIndex"] = sum(time <= newest for time in times)
    return info


# Reading.


@operations
def get_log_events(call: Call, request: Params) -> Params:
    """A page of one stream. Both tokens are always given; at an end it is the one that was asked with."""
    group, stream = group_name(request), request["logStreamName"]
    forward, mark = request.get("startFromHead", False), None
    if "nextToken" in request:
        direction, _, place = request["nextToken"].partition("/")
        if direction not in ("f", "b"):
            raise bad_token()
        forward, mark = direction == "f", _mark(place)
    with aws_words():
        page = logs_of(call).events(
            group,
            stream,
            request.get("startTime", 0),
            request.get("endTime", FOREVER),
            mark,
            limit=request.get("limit", PAGE_EVENTS),
            forward=forward,
        )
    return {
        "events": [
            {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested}
            for event in page.events
        ],
        "nextForwardToken": f"f/{page.after}",
        "nextBackwardToken": f"b/{page.before}",
    }


@operations
def filter_log_events(call: Call, request: Params) -> Params:
    """Matching events of several streams, interleaved by time."""
    group = group_name(request)
    names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix")
    if names and prefix is not None:
        raise invalid("Only one of logStreamNames and logStreamNamePrefix may be given.")
    try:
        matches = compile_pattern(request.get("filterPattern", ""))
    except BadPattern as error:
        raise invalid(f"Invalid filter pattern: {error}") from error
    after = _read_position(request["nextToken"]) if "nextToken" in request else None
    start = max(request.get("startTime", 0), after[0] if after is not None else 0)
    logs = logs_of(call)
    limit = request.get("limit", PAGE_EVENTS)
    found: list[Params] = []
    size, last = 0, None
    with aws_words():
        searched = names or logs.names(group, prefix or "")
        # The end is inclusive here, and exclusive in GetLogEvents: so AWS has it.
        pairs = logs.merged(group, searched, start, request.get("endTime", FOREVER - 1) + 1)
        for number, (name, event) in enumerate(_behind(pairs, after)):
            matched = matches(event.message)
            size += len(event.message) + _EVENT_OVERHEAD if matched else 0
            if number >= _LOOKED_AT or len(found) >= limit or (found and size > _PAGE_BYTES):
                break
            last = _position(name, event)
            if matched:
                found.append(_filtered(name, event))
        else:
            last = None
    answer: Params = {"events": found, "searchedLogStreams": []}
    if last is not None:
        answer["nextToken"] = token(*last)
    return answer


_Position = tuple[int, str, int]
"""(timestamp, stream, offset): what the order of merged events is by."""


def _position(name: str, event: Event) -> _Position:
    return event.timestamp, name, event.mark.offset


def _behind(pairs: Iterator[tuple[str, Event]], after: _Position | None) -> Iterator[tuple[str, Event]]:
    return (pair for pair in pairs if after is None or _position(*pair) > after)


def _read_position(text: str) -> _Position:
    time, name, offset = read_token(text, 3)
    return _integer(time), name, _integer(offset)


def _filtered(name: str, event: Event) -> Params:
    stream = int.from_bytes(hashlib.sha256(name.encode("utf-8", "replace")).digest()[:8])
    return {
        "logStreamName": name,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingested,
        "eventId": f"{event.timestamp:016d}{stream:020d}{event.mark.offset:020d}",
    }


def _mark(text: str) -> Mark:
    try:
        return Mark.parse(text)
    except ValueError:
        raise bad_token() from None


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise bad_token() from None
