"""Composite alarms: alarms of alarms' states."""

from __future__ import annotations

from typing import Final

from sagewright.dataplane.alarms.rules import InvalidRule, Rule, parse
from sagewright.operations.call import Call, Params
from sagewright.operations.cloudwatch.alarms import check_actions, invalid, put
from sagewright.operations.table import Operations
from sagewright.resources.alarm import COMPOSITE, METRIC

operations = Operations()
_MOST_ALARMS: Final = 100


@operations
def put_composite_alarm(call: Call, request: Params) -> Params:
    for member in ("ActionsSuppressor", "ActionConfiguration"):
        if member in request:
            raise invalid(f"Sagewright does not do {member} of composite alarms yet. Leave it out.")
    rule = _rule(request["AlarmRule"])
    if len(rule.alarms) > _MOST_ALARMS:
        raise invalid(f"AlarmRule may mention {_MOST_ALARMS} alarms.")
    _check_cycle(call, request["AlarmName"], rule)
    check_actions(call, request, scaling=False)
    put(call, request, COMPOSITE, {})
    return {}


def _rule(text: str) -> Rule:
    try:
        return parse(text)
    except InvalidRule as error:
        raise invalid(f"AlarmRule is not valid: {error}") from None


def _check_cycle(call: Call, name: str, rule: Rule) -> None:
    """Raises AwsError for alarms that are not there, and for rules that come back to the alarm itself."""
    waiting, seen = list(rule.alarms), set()
    while waiting:
        child = waiting.pop()
        if child == name:
            raise invalid(f"AlarmRule must not lead back to the alarm {name} itself.")
        if child in seen:
            continue
        seen.add(child)
        record = call.store.get(call.key(COMPOSITE, child))
        if record is not None:
            waiting += _rule(record.spec["AlarmRule"]).alarms
        elif child in rule.alarms and call.store.get(call.key(METRIC, child)) is None:
            raise invalid(f"Could not save the composite alarm as alarm {child} in its rule does not exist.")
