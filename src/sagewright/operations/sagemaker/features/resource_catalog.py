"""Catalogs of feature groups that other accounts share. There is one account here, so nobody shares any."""

from __future__ import annotations

from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations

operations = Operations()


@operations
def list_resource_catalogs(call: Call, request: Params) -> Params:
    return {"ResourceCatalogs": []}
