"""Optimization jobs: quantization, compilation, sharding of large models."""

from __future__ import annotations

from typing import Any, Final

from sagewright.operations.call import Params
from sagewright.operations.sagemaker.job import Job, job_exists
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.resources.record import Record


def _types(record: Record) -> Params:
    return {"OptimizationTypes": [kind for config in record.spec["OptimizationConfigs"] for kind in config]}


def _optimizes(view: Params, wanted: Any) -> bool:
    return any(wanted.lower() in kind.lower() for kind in view["OptimizationTypes"])


NOUN: Final = Noun(
    "OptimizationJob",
    "optimization-job",
    resource_not_found("Optimization job"),
    job_exists("optimization job"),
    filters={"OptimizationContains": _optimizes},
    also=_types,
)
operations = Job(
    NOUN, "optimization job", first="STARTING", stopped="STOPPED", over=("COMPLETED", "FAILED", "STOPPED")
).operations()
