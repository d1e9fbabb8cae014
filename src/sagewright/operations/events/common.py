"""What the operations of EventBridge share: which bus, which rule, pages, AWS's words for what is missing."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.resources.arn import Arn
from sagewright.resources.event import BUS, DEFAULT_BUS, RULE
from sagewright.resources.record import Key, Record
from sagewright.store.base import Page, Query

_PAGE: Final = 100


def bus_name(call: Call, given: str | None) -> str:
    """The bus that a name or an ARN means; the default one if none is given. Raises AwsError for others' buses."""
    if given is None:
        return DEFAULT_BUS
    if not given.startswith("arn:"):
        return given
    try:
        arn = Arn.parse(given)
    except ValueError:
        raise validation_error(f"{given} is not the ARN of an event bus.") from None
    if (arn.account, arn.region) != (call.account, call.region):
        raise missing_bus(given)
    return arn.resource.removeprefix("event-bus/")


def existing_bus(call: Call, given: str | None) -> str:
    """The same, of a bus that is there. The default one always is."""
    name = bus_name(call, given)
    if name != DEFAULT_BUS and call.store.get(call.key(BUS, name)) is None:
        raise missing_bus(name)
    return name


def rule_key(call: Call, request: Params, member: str = "Name") -> Key:
    """The key of the rule that a request names, on a bus that is there."""
    return call.key(RULE, request[member], existing_bus(call, request.get("EventBusName")))


def rule_of(call: Call, request: Params, member: str = "Name") -> Record:
    key = rule_key(call, request, member)
    record = call.store.get(key)
    if record is None:
        raise missing_rule(key)
    return record


def missing_bus(name: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.")


def missing_rule(key: Key) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Rule {key.name} does not exist on EventBus {key.parent}.")


def page(call: Call, query: Query, request: Params) -> Page:
    """Some records by name. Raises AwsError for a token that no page gave."""
    try:
        return call.store.list(query, limit=request.get("Limit", _PAGE), after=request.get("NextToken"))
    except ValueError:
        raise validation_error("Parameter NextToken is not valid. Use the one that the page before gave.") from None
