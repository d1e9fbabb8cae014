"""Resource policies of model package groups."""

from __future__ import annotations

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.registry.model_package_group import NOUN
from sagewright.operations.sagemaker.resource_policy import MEMBER, drop, held, put
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

operations = Operations()


@operations
def put_model_package_group_policy(call: Call, request: Params) -> Params:
    return NOUN.answer(call, put(call, NOUN, _group(call, request).name, request[MEMBER]))


@operations
def get_model_package_group_policy(call: Call, request: Params) -> Params:
    return NOUN.answer(call, held(_group(call, request), _none))


@operations
def delete_model_package_group_policy(call: Call, request: Params) -> Params:
    drop(call, NOUN, _group(call, request).name, _none)
    return {}


def _group(call: Call, request: Params) -> Record:
    """The group, or the error that operations on policies have for it: clients match on these words."""
    group = call.store.get(NOUN.key(call, request["ModelPackageGroupName"]))
    if group is None:
        raise validation_error(f"Cannot find Model Package Group: {request['ModelPackageGroupName']}.")
    return group


def _none(group: Record) -> AwsError:
    return validation_error(f"Cannot find resource policy for: {group.status['ModelPackageGroupArn']}.")
