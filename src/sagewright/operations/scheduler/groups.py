"""Schedule groups and their tags. The default group is always there, without a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import tags_of
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.resources.schedule import DEFAULT_GROUP, GROUP, KIND, group_arn
from sagewright.store.base import Page, Query, Write, attempts

operations = Operations()
_PAGE: Final = 100


@operations
def create_schedule_group(call: Call, request: Params) -> Params:
    name = request["Name"]
    answer = {"ScheduleGroupArn": group_arn(call.account, call.region, name)}
    taken = AwsError("ConflictException", f"Schedule group {name} already exists.", status=409)
    if name == DEFAULT_GROUP:
        raise taken
    token = request.get("ClientToken")
    uid, tags = call.services.ids.token(), tags_of(request)
    spec = {} if token is None else {"ClientToken": token}
    try:
        call.store.create(Record(call.key(GROUP, name), uid, call.now, call.now, spec, state="ACTIVE", tags=tags))
    except AlreadyExists:
        earlier = call.store.get(call.key(GROUP, name))
        if earlier is None or token is None or earlier.spec.get("ClientToken") != token:
            raise taken from None
    return answer


@operations
def get_schedule_group(call: Call, request: Params) -> Params:
    return _view(_group(call, request["Name"]))


@operations
def list_schedule_groups(call: Call, request: Params) -> Params:
    prefix = request.get("NamePrefix", "")
    found = page(call, Query(call.account, call.region, GROUP, name_prefix=prefix), request)
    records = list(found.records)
    if "NextToken" not in request and DEFAULT_GROUP.startswith(prefix):
        records.insert(0, _group(call, DEFAULT_GROUP))
    shown = [_view(record) for record in records]
    return {"ScheduleGroups": shown, **({"NextToken": found.next} if found.next else {})}


@operations
def delete_schedule_group(call: Call, request: Params) -> Params:
    """The group goes with all of its schedules, at once."""
    name = request["Name"]
    if name == DEFAULT_GROUP:
        raise validation_error("The default schedule group cannot be deleted.")
    for _ in attempts():
        writes: list[Write] = [("delete", _group(call, name))]
        below = Query(call.account, call.region, KIND, parent=name)
        writes += [("delete", record) for record in call.store.every(below)]
        try:
            call.store.write(writes)
            return {}
        except StaleRecord:
            continue
    raise AwsError("ConflictException", f"Schedule group {name} kept changing. Try again.", status=409)


@operations
def tag_resource(call: Call, request: Params) -> Params:
    added = tags_of(request)
    _change(call, request["ResourceArn"], lambda record: record.tagged(added))
    return {}


@operations
def untag_resource(call: Call, request: Params) -> Params:
    _change(call, request["ResourceArn"], lambda record: record.untagged(request["TagKeys"]))
    return {}


@operations
def list_tags_for_resource(call: Call, request: Params) -> Params:
    tags = _group(call, _named(call, request["ResourceArn"])).tags
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _change(call: Call, arn: str, change: Callable[[Record], Record]) -> None:
    name = _named(call, arn)
    if call.store.amend(call.key(GROUP, name), change) is None:
        raise missing_group(name)


def _named(call: Call, text: str) -> str:
    """The group of an ARN; only groups have tags."""
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise validation_error(f"{text} is not an ARN.") from None
    if (arn.service, arn.type, arn.account, arn.region) != ("scheduler", "schedule-group", call.account, call.region):
        raise validation_error(f"{text} is not a schedule group of this account and region. Only groups have tags.")
    return arn.id


def _group(call: Call, name: str) -> Record:
    record = call.store.get(call.key(GROUP, name))
    if record is not None:
        return record
    if name != DEFAULT_GROUP:
        raise missing_group(name)
    return Record(call.key(GROUP, name), "", 0.0, 0.0, state="ACTIVE")


def missing_group(name: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Schedule group {name} does not exist.", status=404)


def page(call: Call, query: Query, request: Params) -> Page:
    """Some records by name. Raises AwsError for a token that no page gave."""
    try:
        return call.store.list(query, limit=request.get("MaxResults", _PAGE), after=request.get("NextToken"))
    except ValueError:
        raise validation_error("Invalid NextToken: it is not one that was handed out.") from None


def _view(record: Record) -> Params:
    view = {
        "Name": record.name,
        "Arn": group_arn(record.key.account, record.key.region, record.name),
        "State": record.state,
    }
    dates = {"CreationDate": record.created, "LastModificationDate": record.modified}
    return {**view, **dates} if record.created else view
