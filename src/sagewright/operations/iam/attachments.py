"""Managed policies on users, groups and roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.iam import managed
from sagewright.operations.iam.entities import ALL, GROUP, ROLE, USER, Entity, modifiable
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import all_of, limit_exceeded, no_such_entity, together, touch
from sagewright.operations.table import Handler, Operations
from sagewright.resources.record import Record
from sagewright.store.base import Write

operations = Operations()

QUOTA: Final = 20
"""How many policies may be attached to one user, group or role: the most that AWS grants."""


def _attach(entity: Entity) -> Handler:
    def attach(call: Call, request: Params) -> Params:
        arn = request["PolicyArn"]

        def writes() -> list[Write]:
            record = modifiable(entity.find(call, entity.name(request)))
            policy = managed.find(call.store, call.account, arn)
            if policy is None:
                raise no_such_entity(f"Policy {arn} does not exist or is not attachable.")
            known = record.spec["Attached"]
            if arn in known:
                return []
            if len(known) >= QUOTA:
                raise limit_exceeded(f"Cannot exceed quota for PoliciesPer{entity.title}: {QUOTA}")
            # The policy is written too, so that a deletion at the same moment fails.
            also = [touch(policy.record)] if policy.record is not None else []
            return [("update", _with(record, [*known, arn], call.now)), *also]

        together(call.store, writes)
        return {}

    return attach


def _detach(entity: Entity) -> Handler:
    def detach(call: Call, request: Params) -> Params:
        arn = request["PolicyArn"]

        def detached(record: Record) -> Record:
            if arn not in record.spec["Attached"]:
                raise no_such_entity(f"Policy {arn} was not found.")
            return _with(record, [each for each in record.spec["Attached"] if each != arn], call.now)

        entity.change(call, entity.name(request), detached)
        return {}

    return detach


def _list(entity: Entity) -> Handler:
    def listed(call: Call, request: Params) -> Params:
        record, prefix = entity.find(call, entity.name(request)), request.get("PathPrefix", "/")
        found = [managed.find(call.store, call.account, arn) for arn in record.spec["Attached"]]
        policies = [policy for policy in found if policy is not None and policy.path.startswith(prefix)]
        policies.sort(key=lambda policy: policy.arn)
        shown, more = page(policies, request, "AttachedPolicies", lambda policy: policy.arn)
        return {"AttachedPolicies": [view(policy) for policy in shown], **more}

    return listed


@operations
def list_entities_for_policy(call: Call, request: Params) -> Params:
    """One listing of groups, roles and users, in pages."""
    arn = request["PolicyArn"]
    if managed.find(call.store, call.account, arn) is None:
        raise no_such_entity(f"Policy {arn} was not found.")
    prefix, wanted = request.get("PathPrefix", "/"), request.get("EntityFilter")
    bounded = request.get("PolicyUsageFilter") == "PermissionsBoundary"
    found = [
        (entity, record)
        for entity in (GROUP, ROLE, USER)
        if wanted in (None, entity.title)
        for record in (bounded_by if bounded else attached_to)(call, entity, arn)
        if record.spec["Path"].startswith(prefix)
    ]
    shown, more = page(found, request, "Entities", lambda pair: f"{pair[0].noun}/{pair[1].name}")
    answer: Params = {"PolicyGroups": [], "PolicyRoles": [], "PolicyUsers": []}
    for entity, record in shown:
        name, identity = f"{entity.title}Name", f"{entity.title}Id"
        answer[f"Policy{entity.title}s"].append({name: record.name, identity: record.status[identity]})
    return {**answer, **more}


def view(policy: managed.ManagedPolicy) -> Params:
    """An `AttachedPolicy`."""
    return {"PolicyName": policy.name, "PolicyArn": policy.arn}


def attached_to(call: Call, entity: Entity, arn: str) -> Iterator[Record]:
    """The users, groups or roles that have a policy."""
    return (record for record in all_of(call.store, call.account, entity.kind) if arn in record.spec["Attached"])


def bounded_by(call: Call, entity: Entity, arn: str) -> Iterator[Record]:
    """The users or roles that have a policy as their boundary."""
    every = all_of(call.store, call.account, entity.kind)
    return (record for record in every if record.spec.get("PermissionsBoundary") == arn)


def in_use(call: Call, arn: str) -> bool:
    """Whether anybody has a policy, or is bounded by it."""
    uses = (find(call, entity, arn) for entity in ALL for find in (attached_to, bounded_by))
    return any(next(found, None) is not None for found in uses)


def counts(call: Call) -> tuple[dict[str, int], dict[str, int]]:
    """How often each policy is attached, and how often it is a boundary, by ARN."""
    attached: dict[str, int] = {}
    bounding: dict[str, int] = {}
    for entity in ALL:
        for record in all_of(call.store, call.account, entity.kind):
            for arn in record.spec["Attached"]:
                attached[arn] = attached.get(arn, 0) + 1
            if "PermissionsBoundary" in record.spec:
                arn = record.spec["PermissionsBoundary"]
                bounding[arn] = bounding.get(arn, 0) + 1
    return attached, bounding


def _with(record: Record, arns: list[str], now: float) -> Record:
    return replace(record, spec={**record.spec, "Attached": arns}, modified=now)


for _entity in ALL:
    operations.add(f"attach_{_entity.noun}_policy", _attach(_entity))
    operations.add(f"detach_{_entity.noun}_policy", _detach(_entity))
    operations.add(f"list_attached_{_entity.noun}_policies", _list(_entity))
