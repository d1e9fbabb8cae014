"""Contexts: what groups other entities, such as an endpoint or a model package group."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.lineage import entity

NOUN: Final = entity.declare("Context", "context")
operations = entity.operations_of(NOUN)


@operations
def create_context(call: Call, request: Params) -> Params:
    return entity.created(call, NOUN, request)
