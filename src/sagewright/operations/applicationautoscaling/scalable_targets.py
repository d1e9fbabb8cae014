"""Scalable targets: what may be scaled, between which bounds."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.dataplane.scaling.targets import deregistration
from sagewright.operations.applicationautoscaling.common import (
    check_identity,
    listed,
    target_key,
    target_of,
)
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.resources.scaling import TARGET, bounded, place
from sagewright.store.base import Query, attempts

operations = Operations()
_DEREGISTERED: Final = "The scalable target was deregistered meanwhile."
_OF_ANOTHER: Final = "What was to be scaled was deleted meanwhile."
_MOST_TAGS: Final = 50
_NOT_SUSPENDED: Final = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}


@operations
def register_scalable_target(call: Call, request: Params) -> Params:
    """Write a target down, or put what is given over what was there."""
    dimension = check_identity(request)
    if "RoleARN" in request and ":role/" not in request["RoleARN"]:
        raise validation_error(f"{request['RoleARN']} is not the ARN of a role.")
    given = {member: value for member, value in request.items() if member != "Tags"}
    if "SuspendedState" in given:
        given["SuspendedState"] = {**_NOT_SUSPENDED, **given["SuspendedState"]}
    for _ in attempts():
        resource = _resource(call, request)
        earlier = call.store.get(target_key(call, request))
        try:
            if earlier is not None and earlier.status["resource"] != resource.uid:
                # What it was of is gone, and something else has its name.
                call.store.write(deregistration(call.store, earlier, _OF_ANOTHER, call.now))
                continue
            if earlier is None:
                record = _new(call, request, given, dimension.role, resource)
                call.store.create(record)
            else:
                if request.get("Tags"):
                    raise validation_error("The target is registered already. Use TagResource for its tags.")
                record = _bounded(call, earlier, given)
                call.store.update(record)
            return {"ScalableTargetARN": record.status["ScalableTargetARN"]}
        except (AlreadyExists, StaleRecord):
            continue
    raise AwsError("ConcurrentUpdateException", "The scalable target kept changing. Try again.")


def _new(call: Call, request: Params, given: Params, role: str, resource: Record) -> Record:
    for member in ("MinCapacity", "MaxCapacity"):
        if member not in request:
            raise validation_error(f"{member} must be given to register a new scalable target.")
    tags = request.get("Tags", {})
    if len(tags) > _MOST_TAGS:
        raise AwsError("TooManyTagsException", f"A scalable target may have {_MOST_TAGS} tags.")
    own_role = f"role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/{role}"
    name = call.services.ids.token(32)
    target_arn = Arn("aws", "application-autoscaling", call.region, call.account, f"scalable-target/{name}")
    record = Record(
        key=target_key(call, request),
        uid=name,
        created=call.now,
        modified=call.now,
        spec={
            "RoleARN": str(Arn("aws", "iam", "", call.account, own_role)),
            "SuspendedState": dict(_NOT_SUSPENDED),
        },
        status={"ScalableTargetARN": str(target_arn), "resource": resource.uid},
        tags=tags,
        facets={"Id": name},
    )
    return _bounded(call, record, given)


def _bounded(call: Call, record: Record, given: Params) -> Record:
    try:
        return bounded(record, given, call.now)
    except ValueError as error:
        raise validation_error(str(error)) from None


def _resource(call: Call, request: Params) -> Record:
    """What is to be scaled. Raises AwsError for what is not there or has no such capacity."""
    where = place(target_key(call, request))
    assert where is not None  # its identity was checked
    kind, name = where.key.kind, where.key.name
    record = call.store.get(where.key)
    if record is None or record.intent == "delete":
        raise validation_error(f"There is no {kind} {name} in this region. Create it first.")
    variants = [each["VariantName"] for each in record.spec.get("config", {}).get("ProductionVariants", ())]
    if variants and where.variant not in variants:
        raise validation_error(f"The endpoint {name} has no variant {where.variant}; there is {', '.join(variants)}.")
    if where.capacity(record) is None:
        raise validation_error(
            f"{request['ResourceId']} has no {where.dimension.what} that could be scaled. Instances are scaled by "
            "sagemaker:variant:DesiredInstanceCount; a serverless variant with ProvisionedConcurrency by "
            "sagemaker:variant:DesiredProvisionedConcurrency."
        )
    return record


@operations
def describe_scalable_targets(call: Call, request: Params) -> Params:
    records, more = listed(call, TARGET, request)
    targets = [{**record.spec, **record.status, "CreationTime": record.created} for record in records]
    return {"ScalableTargets": targets, **more}


@operations
def deregister_scalable_target(call: Call, request: Params) -> Params:
    """The target goes with its policies, their alarms and its scheduled actions: all at once."""
    for _ in attempts():
        target = target_of(call, request)
        try:
            call.store.write(deregistration(call.store, target, _DEREGISTERED, call.now))
            return {}
        except StaleRecord:
            continue
    raise AwsError("ConcurrentUpdateException", "The scalable target kept changing. Try again.")


@operations
def tag_resource(call: Call, request: Params) -> Params:
    def tag(record: Record) -> Record:
        tagged = record.tagged(request["Tags"])
        if len(tagged.tags) > _MOST_TAGS:
            raise AwsError("TooManyTagsException", f"A scalable target may have {_MOST_TAGS} tags.")
        return tagged

    if call.store.amend(_by_arn(call, request).key, tag) is None:
        raise _no_resource(request)
    return {}


@operations
def untag_resource(call: Call, request: Params) -> Params:
    key = _by_arn(call, request).key
    if call.store.amend(key, lambda record: record.untagged(request["TagKeys"])) is None:
        raise _no_resource(request)
    return {}


@operations
def list_tags_for_resource(call: Call, request: Params) -> Params:
    return {"Tags": dict(_by_arn(call, request).tags)}


def _by_arn(call: Call, request: Params) -> Record:
    name = request["ResourceARN"].rpartition("/")[2]
    for record in call.store.list(Query(call.account, call.region, TARGET, facets={"Id": name}), limit=1).records:
        if record.status["ScalableTargetARN"] == request["ResourceARN"]:
            return record
    raise _no_resource(request)


def _no_resource(request: Params) -> AwsError:
    return AwsError(
        "ResourceNotFoundException",
        f"The specified resource {request['ResourceARN']} doesn't exist.",
        fields={"ResourceName": request["ResourceARN"]},
    )
