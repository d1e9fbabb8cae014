"""Reserved capacity: what training plans would hold. There is none."""

from __future__ import annotations

from typing import NoReturn

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import resource_not_found
from sagewright.operations.table import Operations

operations = Operations()


@operations
def describe_reserved_capacity(call: Call, request: Params) -> Params:
    _missing(request)


@operations
def list_ultra_servers_by_reserved_capacity(call: Call, request: Params) -> Params:
    _missing(request)


def _missing(request: Params) -> NoReturn:
    raise resource_not_found("Reserved capacity")(request["ReservedCapacityArn"], "")
