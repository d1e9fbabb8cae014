"""Inference routers: one name in front of several endpoints."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found

NOUN: Final = Noun(
    "InferenceRouter",
    "inference-router",
    resource_not_found("Inference router"),
    resource_in_use("Inference router"),
    state_member="Status",
)
operations = NOUN.operations(delete=True)


@operations
def create_inference_router(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.create(call, request, state="Creating"))


@operations
def update_inference_router(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.merge(call, request, "RoutingTargets"))
