"""What is known of the models in a model zoo. There is no zoo here."""

from __future__ import annotations

from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations

operations = Operations()


@operations
def list_model_metadata(call: Call, request: Params) -> Params:
    return {"ModelMetadataSummaries": []}
