"""Clusters. Their ARNs are made of an id, not of their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use, resource_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.record import Record

_GROUPS: Final = ("InstanceGroups", "RestrictedInstanceGroups")


def _seen(record: Record) -> Params:
    """Groups as Describe… tells of them: how many instances there are, and how many there should be."""
    groups = {member: [_group(group) for group in record.spec[member]] for member in _GROUPS if record.spec.get(member)}
    plans = [group["TrainingPlanArn"] for member in groups.values() for group in member if "TrainingPlanArn" in group]
    return {"InstanceGroups": [], **groups, **({"TrainingPlanArns": plans} if plans else {})}


def _group(group: Mapping[str, Any]) -> Params:
    return {**group, "CurrentCount": 0, "TargetCount": group["InstanceCount"], "Status": "Creating"}


def _planned(view: Params, wanted: Any) -> bool:
    return wanted in view.get("TrainingPlanArns", ())


NOUN: Final = Noun(
    "Cluster",
    "cluster",
    resource_not_found("Cluster"),
    resource_in_use("Cluster"),
    facets={"Arn": "ClusterArn"},
    filters={"TrainingPlanArn": _planned},
    also=_seen,
)
operations = NOUN.operations()


@operations
def create_cluster(call: Call, request: Params) -> Params:
    _check(call, request)
    arn = NOUN.arn(call, call.services.ids.token(12))
    return NOUN.answer(call, NOUN.create(call, request, state="Creating", arn=arn))


@operations
def update_cluster(call: Call, request: Params) -> Params:
    _check(call, request)
    return NOUN.answer(call, NOUN.merge(call, request))


@operations
def update_cluster_software(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.named(call, request))


@operations
def delete_cluster(call: Call, request: Params) -> Params:
    """Refused while it has extensions, or is shared."""

    def check(record: Record) -> None:
        sentence = f"The cluster {record.name} has extensions, scheduler configurations or quotas. Delete these first."
        refusal = AwsError("ConflictException", sentence)
        refuse_while(call, refusal, "extension", parent=record.name)
        for kind in ("cluster-scheduler-config", "compute-quota"):
            refuse_while(call, refusal, kind, facets={"ClusterArn": record.status["ClusterArn"]})

    cluster = NOUN.named(call, request)
    NOUN.remove(call, cluster, check)
    return NOUN.answer(call, cluster)


@operations
def start_cluster_health_check(call: Call, request: Params) -> Params:
    cluster = NOUN.named(call, request)
    names = {group["InstanceGroupName"] for member in _GROUPS for group in cluster.spec.get(member, ())}
    for each in request["DeepHealthCheckConfigurations"]:
        if each["InstanceGroupName"] not in names:
            raise AwsError("ResourceNotFound", f"Instance group [{each['InstanceGroupName']}] does not exist.")
    return NOUN.answer(call, cluster)


def _check(call: Call, request: Params) -> None:
    groups = [group for member in _GROUPS for group in request.get(member, ())]
    names = [group["InstanceGroupName"] for group in groups]
    if len(set(names)) < len(names):
        raise validation_error("Instance group names must be unique within a cluster.")
    for role in {group["ExecutionRole"] for group in groups}:
        check_role(call, role)
