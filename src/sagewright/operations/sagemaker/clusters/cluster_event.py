"""What happened to a cluster and its nodes: written down by the cluster that runs."""

from __future__ import annotations

from typing import Any, Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.clusters import cluster
from sagewright.operations.sagemaker.listing import equals
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.table import Operations


def _after(view: Params, wanted: Any) -> bool:
    return bool(view["EventTime"] > wanted)


def _before(view: Params, wanted: Any) -> bool:
    return bool(view["EventTime"] < wanted)


NOUN: Final = Noun(
    "ClusterEvent",
    "cluster-event",
    resource_not_found("Event"),
    resource_in_use("Event"),
    name_member="EventId",
    parents=("ClusterName",),
    created_member="EventTime",
    filters={
        "InstanceGroupName": equals("InstanceGroupName"),
        "NodeId": equals("InstanceId"),
        "ResourceType": equals("ResourceType"),
        "OperationId": equals("OperationId"),
        "EventTimeAfter": _after,
        "EventTimeBefore": _before,
    },
    sorts={"EventTime": "EventTime"},
)
operations = Operations()


@operations
def list_cluster_events(call: Call, request: Params) -> Params:
    host = cluster.NOUN.named(call, request)
    return listing.page(call, {**request, "ClusterName": host.name}, NOUN)


@operations
def describe_cluster_event(call: Call, request: Params) -> Params:
    host = cluster.NOUN.named(call, request)
    return {"EventDetails": NOUN.view(NOUN.find(call, request["EventId"], host.name))}
