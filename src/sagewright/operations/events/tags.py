"""Tags of buses and rules."""

from __future__ import annotations

from collections.abc import Callable

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.events.common import missing_bus
from sagewright.operations.sagemaker.noun import tags_of
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.event import BUS, DEFAULT_BUS, RULE
from sagewright.resources.record import Key, Record

operations = Operations()
_MOST = 50


@operations
def tag_resource(call: Call, request: Params) -> Params:
    added = tags_of(request)

    def tag(record: Record) -> Record:
        tagged = record.tagged(added)
        if len(tagged.tags) > _MOST:
            raise AwsError("LimitExceededException", f"A resource may have {_MOST} tags.")
        return tagged

    _change(call, request["ResourceARN"], tag)
    return {}


@operations
def untag_resource(call: Call, request: Params) -> Params:
    _change(call, request["ResourceARN"], lambda record: record.untagged(request["TagKeys"]))
    return {}


@operations
def list_tags_for_resource(call: Call, request: Params) -> Params:
    key = _key(call, request["ResourceARN"])
    record = call.store.get(key)
    if record is None and key.kind == BUS and key.name == DEFAULT_BUS:
        return {"Tags": []}
    if record is None:
        raise _missing(key)
    return {"Tags": [{"Key": name, "Value": value} for name, value in record.tags.items()]}


def _change(call: Call, arn: str, change: Callable[[Record], Record]) -> None:
    key = _key(call, arn)
    if call.store.amend(key, change) is None:
        raise _missing(key)


def _missing(key: Key) -> AwsError:
    if key.kind == BUS:
        return missing_bus(key.name)
    return AwsError("ResourceNotFoundException", f"Rule {key.name} does not exist on EventBus {key.parent}.")


def _key(call: Call, text: str) -> Key:
    """The key of an ARN: `…:event-bus/NAME`, `…:rule/NAME`, `…:rule/BUS/NAME`."""
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise validation_error(f"{text} is not an ARN.") from None
    place = (arn.service, arn.account, arn.region) == ("events", call.account, call.region)
    if place and arn.type == "event-bus":
        return call.key(BUS, arn.id)
    if place and arn.type == "rule":
        bus, _, name = arn.id.rpartition("/")
        return call.key(RULE, name, bus or DEFAULT_BUS)
    raise validation_error(f"{text} names neither an event bus nor a rule of this account and region.")
