"""Workload configurations: what a benchmark asks an endpoint."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found

NOUN: Final = Noun(
    "AIWorkloadConfig",
    "ai-workload-config",
    resource_not_found("Workload configuration"),
    resource_in_use("Workload configuration"),
)
operations = NOUN.operations(delete=True)


@operations
def create_ai_workload_config(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.create(call, request))
