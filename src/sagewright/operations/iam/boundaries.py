"""Permissions boundaries: the managed policy that a user or role stays within."""

from __future__ import annotations

from dataclasses import replace

from sagewright.operations.call import Call, Params
from sagewright.operations.iam import managed
from sagewright.operations.iam.entities import ROLE, USER, Entity, modifiable
from sagewright.operations.iam.records import no_such_entity, together, touch
from sagewright.operations.table import Handler, Operations
from sagewright.resources.record import Record
from sagewright.store.base import Write

operations = Operations()


def _put(entity: Entity) -> Handler:
    def put(call: Call, request: Params) -> Params:
        arn = request["PermissionsBoundary"]

        def writes() -> list[Write]:
            record = modifiable(entity.find(call, entity.name(request)))
            policy = check_boundary(call, arn)
            bounded = replace(record, spec={**record.spec, "PermissionsBoundary": arn}, modified=call.now)
            # The policy is written too, so that a deletion at the same moment fails.
            return [("update", bounded), *([touch(policy)] if policy is not None else [])]

        together(call.store, writes)
        return {}

    return put


def _delete(entity: Entity) -> Handler:
    def delete(call: Call, request: Params) -> Params:
        name = entity.name(request)

        def without(record: Record) -> Record:
            if "PermissionsBoundary" not in record.spec:
                raise no_such_entity(f"The {entity.noun} with name {name} does not have a permissions boundary.")
            spec = {member: value for member, value in record.spec.items() if member != "PermissionsBoundary"}
            return replace(record, spec=spec)

        entity.change(call, name, without)
        return {}

    return delete


def check_boundary(call: Call, arn: str) -> Record | None:
    """The record of a boundary's policy; None for AWS's own. Raises AwsError (NoSuchEntity)."""
    policy = managed.find(call.store, call.account, arn)
    if policy is None:
        raise no_such_entity(f"Scope ARN: {arn} does not exist or is not attachable.")
    return policy.record


for _entity in (USER, ROLE):
    operations.add(f"put_{_entity.noun}_permissions_boundary", _put(_entity))
    operations.add(f"delete_{_entity.noun}_permissions_boundary", _delete(_entity))
