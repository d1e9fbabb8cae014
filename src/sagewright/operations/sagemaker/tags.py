"""Tags of anything that has an ARN."""

from __future__ import annotations

from collections.abc import Callable

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import tags_of
from sagewright.operations.sagemaker.nouns import find_by_arn
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record

MAX_TAGS = 50
operations = Operations()


@operations
def add_tags(call: Call, request: Params) -> Params:
    added = tags_of(request)

    def add(record: Record) -> Record:
        tagged = record.tagged(added)
        if len(tagged.tags) > MAX_TAGS:
            raise validation_error(f"A resource may have {MAX_TAGS} tags; this would make {len(tagged.tags)}.")
        return tagged

    return {"Tags": _listed(_change(call, request["ResourceArn"], add))}


@operations
def delete_tags(call: Call, request: Params) -> Params:
    _change(call, request["ResourceArn"], lambda record: record.untagged(request["TagKeys"]))
    return {}


@operations
def list_tags(call: Call, request: Params) -> Params:
    record = _find(call, request["ResourceArn"])
    tags = _listed(record)
    limit = request.get("MaxResults", MAX_TAGS)
    token = request.get("NextToken", "0")
    if not token.isdigit():
        raise validation_error("Invalid NextToken: it is not one that was handed out.")
    start = int(token)
    result: Params = {"Tags": tags[start : start + limit]}
    if start + limit < len(tags):
        result["NextToken"] = str(start + limit)
    return result


def _change(call: Call, arn: str, change: Callable[[Record], Record]) -> Record:
    record = call.store.amend(_find(call, arn).key, change)
    if record is None:
        raise _missing(arn)
    return record


def _listed(record: Record) -> list[Params]:
    return [{"Key": key, "Value": value} for key, value in record.tags.items()]


def _find(call: Call, text: str) -> Record:
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise validation_error(f"Invalid resource ARN: {text}") from None
    if arn.service != "sagemaker" or arn.account != call.account or not arn.type:
        raise validation_error(f"The ARN {text} does not name a SageMaker resource of this account.")
    record = find_by_arn(call.store, text, call.account)
    if record is None:
        raise _missing(text)
    return record


def _missing(arn: str) -> AwsError:
    return validation_error(f"Could not find resource {arn}.")
