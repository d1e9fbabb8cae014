"""Resource policies of endpoints."""

from __future__ import annotations

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference.endpoint import NOUN
from sagewright.operations.sagemaker.resource_policy import MEMBER, drop, held, put
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

operations = Operations()


@operations
def put_endpoint_policy(call: Call, request: Params) -> Params:
    return NOUN.answer(call, put(call, NOUN, request["EndpointName"], request[MEMBER]))


@operations
def get_endpoint_policy(call: Call, request: Params) -> Params:
    return NOUN.answer(call, held(NOUN.named(call, request), _none))


@operations
def delete_endpoint_policy(call: Call, request: Params) -> Params:
    drop(call, NOUN, request["EndpointName"], _none)
    return {}


def _none(endpoint: Record) -> AwsError:
    return AwsError("ResourceNotFound", f"Cannot find resource policy of endpoint {endpoint.name}.")
