"""Actions: what was done, such as a deployment or an approval."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.lineage import entity

NOUN: Final = entity.declare("Action", "action")
operations = entity.operations_of(NOUN)


@operations
def create_action(call: Call, request: Params) -> Params:
    return entity.created(call, NOUN, request)
