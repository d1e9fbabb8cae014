"""What is being done to a cluster: scaling, health checks. Written down by the cluster that runs."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.clusters import cluster
from sagewright.operations.sagemaker.listing import equals, output_of, project
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.table import Operations

NOUN: Final = Noun(
    "ClusterOperation",
    "cluster-operation",
    resource_not_found("Operation"),
    resource_in_use("Operation"),
    name_member="OperationId",
    parents=("ClusterName",),
    state_member="Status",
    filters={"Type": equals("Type")},
)
operations = Operations()


@operations
def list_cluster_operations(call: Call, request: Params) -> Params:
    host = cluster.NOUN.named(call, request)
    return listing.page(call, {**request, "ClusterName": host.name}, NOUN)


@operations
def describe_cluster_operation(call: Call, request: Params) -> Params:
    host = cluster.NOUN.named(call, request)
    return project(NOUN.view(NOUN.find(call, request["OperationId"], host.name)), output_of(call))
