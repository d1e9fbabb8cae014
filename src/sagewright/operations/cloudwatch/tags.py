"""Tags of alarms and dashboards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.cloudwatch import dashboards
from sagewright.operations.sagemaker.noun import tags_of
from sagewright.operations.table import Operations
from sagewright.resources.alarm import COMPOSITE, METRIC
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record

operations = Operations()
_MOST: Final = 50


@operations
def tag_resource(call: Call, request: Params) -> Params:
    added = tags_of(request)

    def tag(record: Record) -> Record:
        tagged = record.tagged(added)
        if (count := len(tagged.tags)) > _MOST:
            raise AwsError("InvalidParameterValue", f"A resource may have {_MOST} tags; this would make {count}.")
        return tagged

    _change(call, request["ResourceARN"], tag)
    return {}


@operations
def untag_resource(call: Call, request: Params) -> Params:
    _change(call, request["ResourceARN"], lambda record: record.untagged(request["TagKeys"]))
    return {}


@operations
def list_tags_for_resource(call: Call, request: Params) -> Params:
    tags = _find(call, request["ResourceARN"]).tags
    return {"Tags": [{"Key": name, "Value": value} for name, value in tags.items()]}


def _change(call: Call, arn: str, change: Callable[[Record], Record]) -> None:
    if call.store.amend(_find(call, arn).key, change) is None:
        raise _missing(arn)


def _find(call: Call, text: str) -> Record:
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise AwsError("InvalidParameterValue", f"{text} is not an ARN.") from None
    if (arn.service, arn.account) != ("cloudwatch", call.account):
        raise AwsError("InvalidParameterValue", f"{text} names no alarm or dashboard of this account.")
    if arn.resource.startswith("alarm:"):
        name = arn.resource.removeprefix("alarm:")
        keys = [call.key(kind, name)._replace(region=arn.region) for kind in (METRIC, COMPOSITE)]
    else:
        keys = [dashboards.key(call, arn.resource.removeprefix("dashboard/"))]
    for key in keys:
        record = call.store.get(key)
        if record is not None:
            return record
    raise _missing(text)


def _missing(arn: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"{arn} does not exist.", status=404)
