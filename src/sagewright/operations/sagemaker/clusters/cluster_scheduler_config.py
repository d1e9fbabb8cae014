"""Scheduler configurations: who goes first on a cluster."""

from typing import Final

from sagewright.operations.sagemaker.clusters.versioned import declare, operations_of

NOUN: Final = declare("ClusterSchedulerConfig", "cluster-scheduler-config", "Cluster scheduler configuration")
operations = operations_of(NOUN)
