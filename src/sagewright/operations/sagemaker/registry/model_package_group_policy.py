"""Resource policies of model package groups: kept with the group, gone with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import resource_policy
from sagewright.operations.sagemaker.registry.model_package_group import NOUN
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

operations = Operations()
_MEMBER: Final = "ResourcePolicy"


@operations
def put_model_package_group_policy(call: Call, request: Params) -> Params:
    policy = request[_MEMBER]
    resource_policy.check(policy)

    def put(record: Record) -> Record:
        return replace(record, spec={**record.spec, _MEMBER: policy})

    return NOUN.answer(call, NOUN.amend(call, _group(call, request).name, put))


@operations
def get_model_package_group_policy(call: Call, request: Params) -> Params:
    group = _group(call, request)
    if _MEMBER not in group.spec:
        raise _no_policy(group)
    return NOUN.answer(call, group)


@operations
def delete_model_package_group_policy(call: Call, request: Params) -> Params:
    def drop(record: Record) -> Record:
        if _MEMBER not in record.spec:
            raise _no_policy(record)
        return replace(record, spec={member: value for member, value in record.spec.items() if member != _MEMBER})

    NOUN.amend(call, _group(call, request).name, drop)
    return {}


def _group(call: Call, request: Params) -> Record:
    """The group, or the error that operations on policies have for it: clients match on these words."""
    group = call.store.get(NOUN.key(call, request["ModelPackageGroupName"]))
    if group is None:
        raise validation_error(f"Cannot find Model Package Group: {request['ModelPackageGroupName']}.")
    return group


def _no_policy(group: Record) -> AwsError:
    return validation_error(f"Cannot find resource policy for: {group.status['ModelPackageGroupArn']}.")
