"""Compute quotas: the share of a cluster that a team has."""

from typing import Final

from sagewright.operations.sagemaker.clusters.versioned import declare, operations_of

NOUN: Final = declare("ComputeQuota", "compute-quota", "Compute quota")
operations = operations_of(NOUN)
