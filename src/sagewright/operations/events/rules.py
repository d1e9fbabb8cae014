"""Rules: what is wanted, by pattern or by schedule. `controllers/event_rule.py` fires the scheduled ones."""

from __future__ import annotations

from dataclasses import replace

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.dataplane.events.patterns import InvalidPattern, Matcher, compiled
from sagewright.dataplane.events.schedules import InvalidSchedule, parse
from sagewright.operations.call import Call, Params
from sagewright.operations.events.common import existing_bus, missing_bus, missing_rule, page, rule_key, rule_of
from sagewright.operations.sagemaker.noun import tags_of
from sagewright.operations.table import Operations
from sagewright.resources.event import BUS, DEFAULT_BUS, RULE, rule_arn
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write, attempts

operations = Operations()
_MOST_RULES = 300


@operations
def put_rule(call: Call, request: Params) -> Params:
    key = rule_key(call, request)
    _check(request, key.parent)
    state = request.get("State", "ENABLED")
    spec = {m: v for m, v in request.items() if m not in ("Name", "State", "Tags", "EventBusName")}
    tags = tags_of(request)
    for _ in attempts():
        earlier = call.store.get(key)
        try:
            if earlier is None:
                _create(call, Record(key, call.services.ids.token(), call.now, call.now, spec, state=state, tags=tags))
            else:
                kept = {"Targets": earlier.spec["Targets"]} if "Targets" in earlier.spec else {}
                since = {"since": call.now} if "ScheduleExpression" in spec else {}
                if spec.get("ScheduleExpression") == earlier.spec.get("ScheduleExpression"):
                    since = {"since": earlier.spec.get("since", earlier.created)} if since else {}
                call.store.update(replace(earlier, spec={**spec, **kept, **since}, state=state, modified=call.now))
            return {"RuleArn": rule_arn(key)}
        except (AlreadyExists, StaleRecord):
            continue
    raise AwsError("ConcurrentModificationException", f"Rule {key.name} kept changing. Try again.")


def _create(call: Call, record: Record) -> None:
    """The bus is written along, so that it is not deleted at the same moment."""
    of_bus = Query(call.account, call.region, RULE, parent=record.key.parent)
    if call.store.count(of_bus) >= _MOST_RULES:
        raise AwsError("LimitExceededException", f"A bus has at most {_MOST_RULES} rules.")
    writes: list[Write] = [("create", record)]
    if record.key.parent != DEFAULT_BUS:
        bus = call.store.get(call.key(BUS, record.key.parent))
        if bus is None:
            raise missing_bus(record.key.parent)
        writes.append(("update", bus))
    call.store.write(writes)


def _check(request: Params, bus: str) -> None:
    if "EventPattern" not in request and "ScheduleExpression" not in request:
        raise validation_error("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if request.get("State") == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS":
        raise validation_error("Sagewright has no CloudTrail, so no rule can want its events. Use ENABLED.")
    if "EventPattern" in request:
        pattern(request["EventPattern"])
    if "ScheduleExpression" in request:
        if bus != DEFAULT_BUS:
            raise validation_error("ScheduleExpression is supported only on the default event bus.")
        try:
            parse(request["ScheduleExpression"])
        except InvalidSchedule as error:
            raise validation_error(f"Parameter ScheduleExpression is not valid. {error}") from None


def pattern(text: str) -> Matcher:
    """Raises AwsError (InvalidEventPatternException)."""
    try:
        return compiled(text)
    except InvalidPattern as error:
        raise AwsError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}") from None


@operations
def describe_rule(call: Call, request: Params) -> Params:
    return {**view(rule_of(call, request)), "CreatedBy": call.account}


@operations
def list_rules(call: Call, request: Params) -> Params:
    bus = existing_bus(call, request.get("EventBusName"))
    query = Query(call.account, call.region, RULE, parent=bus, name_prefix=request.get("NamePrefix"))
    found = page(call, query, request)
    return {"Rules": [view(each) for each in found.records], **({"NextToken": found.next} if found.next else {})}


@operations
def delete_rule(call: Call, request: Params) -> Params:
    key = rule_key(call, request)
    for _ in attempts():
        record = call.store.get(key)
        if record is None:
            return {}
        if record.spec.get("Targets"):
            raise validation_error("Rule can't be deleted since it has targets.")
        try:
            call.store.delete(record)
            return {}
        except StaleRecord:
            continue
    raise AwsError("ConcurrentModificationException", f"Rule {key.name} kept changing. Try again.")


@operations
def enable_rule(call: Call, request: Params) -> Params:
    return _switch(call, request, "ENABLED")


@operations
def disable_rule(call: Call, request: Params) -> Params:
    return _switch(call, request, "DISABLED")


def _switch(call: Call, request: Params, state: str) -> Params:
    def switch(record: Record) -> Record | None:
        if record.state == state:
            return None
        # What a schedule missed while its rule was disabled is not made up for.
        since = {"since": call.now} if "ScheduleExpression" in record.spec else {}
        return replace(record, spec={**record.spec, **since}, state=state, modified=call.now)

    key = rule_key(call, request)
    if call.store.amend(key, switch) is None:
        raise missing_rule(key)
    return {}


def view(record: Record) -> Params:
    hidden = ("Targets", "since")
    return {
        "Name": record.name,
        "Arn": rule_arn(record.key),
        "State": record.state,
        "EventBusName": record.key.parent,
        **{member: value for member, value in record.spec.items() if member not in hidden},
    }
