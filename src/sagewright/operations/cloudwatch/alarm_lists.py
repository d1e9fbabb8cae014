"""What there is of alarms, and what happened to them: DescribeAlarms, DescribeAlarmHistory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.alarms.rules import parse
from sagewright.operations.call import Call, Params
from sagewright.operations.cloudwatch.alarms import invalid, view
from sagewright.operations.table import Operations
from sagewright.resources.alarm import ACTIONS, COMPOSITE, HISTORY, METRIC, TYPES, alarm_arn
from sagewright.resources.record import Record
from sagewright.store import cursor
from sagewright.store.base import Query

operations = Operations()
_MEMBERS: Final[Mapping[str, str]] = {METRIC: "MetricAlarms", COMPOSITE: "CompositeAlarms"}
_PAGE: Final = 50
_SCAN: Final = 200


@operations
def describe_alarms(call: Call, request: Params) -> Params:
    """Metric alarms, unless other types are asked for; a page holds one type, then goes on with the next."""
    if "ChildrenOfAlarmName" in request:
        return _relatives(call, request, _children(call, request["ChildrenOfAlarmName"]))
    if "ParentsOfAlarmName" in request:
        return _relatives(call, request, _parents(call, request["ParentsOfAlarmName"]))
    types = request.get("AlarmTypes", ["MetricAlarm"])
    kinds = [kind for kind, name in TYPES.items() if name in types]
    answer: Params = {_MEMBERS[kind]: [] for kind in _MEMBERS}
    if "AlarmNames" in request:
        if "AlarmNamePrefix" in request:
            raise AwsError("InvalidParameterCombination", "AlarmNames and AlarmNamePrefix cannot be given together.")
        for kind in kinds:
            named = (call.store.get(call.key(kind, name)) for name in dict.fromkeys(request["AlarmNames"]))
            found = [record for record in named if record is not None and _wanted(record, request)]
            answer[_MEMBERS[kind]] = [view(record) for record in found]
        return answer
    begin, after = _token(request, kinds)
    left = request.get("MaxRecords", _PAGE)
    for number, kind in enumerate(kinds[begin:], start=begin):
        found, after = _page(call, kind, request, left, after)
        answer[_MEMBERS[kind]] = [view(record) for record in found]
        left -= len(found)
        if after is not None:
            answer["NextToken"] = f"{number}.{after}"
            break
        if not left:
            if number + 1 < len(kinds):
                answer["NextToken"] = f"{number + 1}."
            break
    return answer


def _token(request: Params, kinds: Sequence[str]) -> tuple[int, str | None]:
    if "NextToken" not in request:
        return 0, None
    number, dot, after = request["NextToken"].partition(".")
    if not dot or number not in ("0", "1") or int(number) >= len(kinds):
        raise _bad_token()
    return int(number), after or None


def _page(call: Call, kind: str, request: Params, limit: int, after: str | None) -> tuple[list[Record], str | None]:
    """The next alarms that are wanted, and where to go on."""
    states = (request["StateValue"],) if "StateValue" in request else None
    query = Query(call.account, call.region, kind, name_prefix=request.get("AlarmNamePrefix"), states=states)
    found: list[Record] = []
    while True:
        try:
            page = call.store.list(query, limit=_SCAN, after=after)
        except ValueError:
            raise _bad_token() from None
        for record in page.records:
            if not _wanted(record, request):
                continue
            if len(found) == limit:
                return found, cursor.encode(found[-1], "name")
            found.append(record)
        if page.next is None:
            return found, None
        after = page.next


def _wanted(record: Record, request: Params) -> bool:
    prefix = request.get("ActionPrefix")
    if request.get("StateValue", record.state) != record.state:
        return False
    return prefix is None or any(
        arn.startswith(prefix) for member in ACTIONS.values() for arn in record.spec.get(member, ())
    )


def _children(call: Call, name: str) -> Sequence[Record]:
    record = call.store.get(call.key(COMPOSITE, name))
    if record is None:
        return []
    keys = [call.key(kind, child) for child in sorted(parse(record.spec["AlarmRule"]).alarms) for kind in TYPES]
    return [child for key in keys if (child := call.store.get(key)) is not None]


def _parents(call: Call, name: str) -> Sequence[Record]:
    query = Query(call.account, call.region, COMPOSITE)
    return [record for record in call.store.every(query) if name in parse(record.spec["AlarmRule"]).alarms]


_OF_A_CHILD: Final = ("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp", "StateTransitionedTimestamp")
_OF_A_PARENT: Final = ("AlarmName", "AlarmArn")


def _relatives(call: Call, request: Params, found: Sequence[Record]) -> Params:
    """A few members of each, as AWS gives them."""
    kept = _OF_A_CHILD if "ChildrenOfAlarmName" in request else _OF_A_PARENT
    short: Callable[[Record], Params] = lambda record: {m: v for m, v in view(record).items() if m in kept}  # noqa: E731
    return {member: [short(record) for record in found if record.key.kind == kind] for kind, member in _MEMBERS.items()}


@operations
def describe_alarm_history(call: Call, request: Params) -> Params:
    if "AlarmContributorId" in request:
        raise invalid("Sagewright's alarms have no contributors. Leave AlarmContributorId out.")
    types = request.get("AlarmTypes", ["MetricAlarm"] if "AlarmName" not in request else list(TYPES.values()))
    start, end = request.get("StartDate"), request.get("EndDate")
    query = Query(
        call.account,
        call.region,
        HISTORY,
        parent=request.get("AlarmName"),
        states=(request["HistoryItemType"],) if "HistoryItemType" in request else None,
        # The store's bounds are exclusive.
        created_after=None if start is None else start - 1e-6,
        created_before=None if end is None else end + 1e-6,
        sort_by="created",
        descending=request.get("ScanBy", "TimestampDescending") == "TimestampDescending",
    )
    found: list[Record] = []
    after, limit = request.get("NextToken"), request.get("MaxRecords", 100)
    while True:
        try:
            page = call.store.list(query, limit=_SCAN, after=after)
        except ValueError:
            raise _bad_token() from None
        for record in page.records:
            if record.spec["AlarmType"] not in types:
                continue
            if len(found) == limit:
                items: Params = {"AlarmHistoryItems": [dict(each.spec) for each in found]}
                return {**items, "NextToken": cursor.encode(found[-1], "created")}
            found.append(record)
        if page.next is None:
            return {"AlarmHistoryItems": [dict(each.spec) for each in found]}
        after = page.next


@operations
def describe_alarm_contributors(call: Call, request: Params) -> Params:
    """Only alarms on queries that give many series have any, and these are not built."""
    if call.store.get(call.key(METRIC, request["AlarmName"])) is None:
        arn = alarm_arn(call.account, call.region, request["AlarmName"])
        raise AwsError("ResourceNotFoundException", f"{arn} does not exist.", status=404)
    return {"AlarmContributors": []}


def _bad_token() -> AwsError:
    return AwsError("InvalidNextToken", "The next token specified is invalid.")
