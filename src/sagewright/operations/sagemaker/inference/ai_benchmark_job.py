"""Benchmarks of endpoints under a workload."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import ai_workload_config
from sagewright.operations.sagemaker.job import Job, job_exists
from sagewright.operations.sagemaker.noun import Noun, resource_not_found

NOUN: Final = Noun(
    "AIBenchmarkJob", "ai-benchmark-job", resource_not_found("Benchmark job"), job_exists("benchmark job")
)
_JOB: Final = Job(NOUN, "benchmark job")
operations = _JOB.operations(create=False)


@operations
def create_ai_benchmark_job(call: Call, request: Params) -> Params:
    workload = ai_workload_config.NOUN.find(call, request["AIWorkloadConfigIdentifier"])
    return _JOB.create(call, request, {"AIWorkloadConfigName": workload.name})
