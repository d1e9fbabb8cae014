"""The nodes of a cluster, which are written down when it runs."""

from __future__ import annotations

from typing import Final, NoReturn

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.clusters import cluster
from sagewright.operations.sagemaker.listing import contains
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.table import Operations

NOUN: Final = Noun(
    "ClusterNode",
    "cluster-node",
    resource_not_found("Node"),
    resource_in_use("Node"),
    name_member="InstanceId",
    parents=("ClusterName",),
    created_member="LaunchTime",
    filters={
        "InstanceGroupNameContains": contains("InstanceGroupName"),
        "IncludeNodeLogicalIds": lambda _view, _wanted: True,
    },
)
operations = Operations()


@operations
def list_cluster_nodes(call: Call, request: Params) -> Params:
    host = cluster.NOUN.named(call, request)
    return listing.page(call, {**request, "ClusterName": host.name}, NOUN)


@operations
def describe_cluster_node(call: Call, request: Params) -> Params:
    if ("NodeId" in request) == ("NodeLogicalId" in request):
        raise validation_error("Exactly one of NodeId and NodeLogicalId must be given.")
    host = cluster.NOUN.named(call, request)
    wanted = request["NodeId"] if "NodeId" in request else request["NodeLogicalId"]
    node = NOUN.find(call, wanted, host.name)
    return {"NodeDetails": NOUN.view(node)}


@operations
def batch_add_cluster_nodes(call: Call, request: Params) -> Params:
    _missing_group(call, request)


@operations
def batch_delete_cluster_nodes(call: Call, request: Params) -> Params:
    return _not_found(call, request, "Code", "NodeIdNotFound")


@operations
def batch_reboot_cluster_nodes(call: Call, request: Params) -> Params:
    return _not_found(call, request, "ErrorCode", "InstanceIdNotFound")


@operations
def batch_replace_cluster_nodes(call: Call, request: Params) -> Params:
    return _not_found(call, request, "ErrorCode", "InstanceIdNotFound")


@operations
def attach_cluster_node_network_interface(call: Call, request: Params) -> Params:
    _missing_node(call, request, request["ClusterName"])


@operations
def attach_cluster_node_volume(call: Call, request: Params) -> Params:
    _missing_node(call, request, request["ClusterArn"])


@operations
def detach_cluster_node_volume(call: Call, request: Params) -> Params:
    _missing_node(call, request, request["ClusterArn"])


def _not_found(call: Call, request: Params, code_member: str, code: str) -> Params:
    """These answer for each node by itself. No cluster runs here, so none of the nodes is there."""
    cluster.NOUN.named(call, request)
    answer: Params = {}
    for member, failed, name in (
        ("NodeIds", "Failed", "NodeId"),
        ("NodeLogicalIds", "FailedNodeLogicalIds", "NodeLogicalId"),
    ):
        if request.get(member):
            answer[failed] = [
                {name: node, code_member: code, "Message": f"The cluster has no node {node}."}
                for node in request[member]
            ]
    if not answer:
        raise validation_error("Name at least one node, in NodeIds or NodeLogicalIds.")
    return answer


def _missing_node(call: Call, request: Params, host: str) -> NoReturn:
    cluster.NOUN.find(call, host)
    raise NOUN.missing(request["NodeId"], "")


def _missing_group(call: Call, request: Params) -> NoReturn:
    cluster.NOUN.named(call, request)
    raise AwsError("ResourceNotFound", "The cluster does not run: it has no group that takes nodes.")
