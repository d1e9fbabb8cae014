"""Resource policies of endpoints: kept with the endpoint, gone with it."""

from __future__ import annotations

from dataclasses import replace

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import resource_policy
from sagewright.operations.sagemaker.inference.endpoint import NOUN
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

operations = Operations()
_MEMBER = "ResourcePolicy"


@operations
def put_endpoint_policy(call: Call, request: Params) -> Params:
    policy = request[_MEMBER]
    resource_policy.check(policy)

    def put(record: Record) -> Record:
        return replace(record, spec={**record.spec, _MEMBER: policy})

    return NOUN.answer(call, NOUN.amend(call, request["EndpointName"], put))


@operations
def get_endpoint_policy(call: Call, request: Params) -> Params:
    record = NOUN.named(call, request)
    if _MEMBER not in record.spec:
        raise _no_policy(record)
    return NOUN.answer(call, record)


@operations
def delete_endpoint_policy(call: Call, request: Params) -> Params:
    def drop(record: Record) -> Record:
        if _MEMBER not in record.spec:
            raise _no_policy(record)
        return replace(record, spec={member: value for member, value in record.spec.items() if member != _MEMBER})

    NOUN.amend(call, request["EndpointName"], drop)
    return {}


def _no_policy(record: Record) -> AwsError:
    return AwsError("ResourceNotFound", f"Cannot find resource policy of endpoint {record.name}.")
