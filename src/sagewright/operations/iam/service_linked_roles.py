"""Roles that services have for themselves: their names, trust and policies are the service's, not the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson

from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import managed, roles
from sagewright.operations.iam.entities import ROLE, SERVICE_PATH
from sagewright.operations.iam.records import creation, deletion, key, no_such_entity, together
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.store.base import Write

operations = Operations()

_DELETION: Final = "iam-role-deletion"


class _Service(NamedTuple):
    """What one service's role is called, and what it may do."""

    role: str
    policy: str
    suffixes: bool = False
    """Whether there may be several, told apart by a suffix."""


_AUTOSCALING: Final = "application-autoscaling.amazonaws.com"
# Names of roles and policies: each service's page in AWS's documentation of service-linked roles.
_SERVICES: Final[Mapping[str, _Service]] = {
    "sagemaker.amazonaws.com": _Service(
        "AWSServiceRoleForAmazonSageMakerNotebooks", "AmazonSageMakerNotebooksServiceRolePolicy"
    ),
    f"sagemaker.{_AUTOSCALING}": _Service(
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        "AWSApplicationAutoscalingSageMakerEndpointPolicy",
    ),
    f"custom-resource.{_AUTOSCALING}": _Service(
        "AWSServiceRoleForApplicationAutoScaling_CustomResource", "AWSApplicationAutoScalingCustomResourcePolicy"
    ),
    "autoscaling.amazonaws.com": _Service("AWSServiceRoleForAutoScaling", "AutoScalingServiceRolePolicy", True),
    "ecs.amazonaws.com": _Service("AWSServiceRoleForECS", "AmazonECSServiceRolePolicy"),
    "elasticfilesystem.amazonaws.com": _Service(
        "AWSServiceRoleForAmazonElasticFileSystem", "AmazonElasticFileSystemServiceRolePolicy"
    ),
    "events.amazonaws.com": _Service("AWSServiceRoleForCloudWatchEvents", "CloudWatchEventsServiceRolePolicy"),
}


@operations
def create_service_linked_role(call: Call, request: Params) -> Params:
    service, suffix = request["AWSServiceName"], request.get("CustomSuffix")
    known = _SERVICES.get(service)
    if known is None:
        raise AwsError(
            "InvalidInput",
            f"Service role for {service} is not known here. Sagewright makes those of: {', '.join(sorted(_SERVICES))}.",
        )
    if suffix is not None and not known.suffixes:
        raise AwsError("InvalidInput", f"Custom suffix is not allowed for {service}")
    name = f"{known.role}_{suffix}" if suffix else known.role
    members: Params = {"RoleName": name, "Path": f"{SERVICE_PATH}{service}/", "MaxSessionDuration": roles.HOUR}
    members["AssumeRolePolicyDocument"] = _trust(service)
    if "Description" in request:
        members["Description"] = request["Description"]
    policy = next(arn for arn, each in managed.aws_managed().items() if each.name == known.policy)
    role = ROLE.new(call, {**members, "Attached": [policy]})
    try:
        return {"Role": roles.view(call.store.write(creation(role))[0])}
    except AlreadyExists:
        raise AwsError(
            "InvalidInput", f"Service role name {name} has been taken in this account, please try a different suffix."
        ) from None


@operations
def delete_service_linked_role(call: Call, request: Params) -> Params:
    """Deletes it at once, since nothing here works under such a role unasked; the task says that it is done."""

    def writes() -> list[Write]:
        role = ROLE.find(call, request["RoleName"])
        path = role.spec["Path"]
        if not path.startswith(SERVICE_PATH):
            raise no_such_entity(f"Service linked role {role.name} cannot be found.")
        service = path.removeprefix(SERVICE_PATH).strip("/")
        task = f"task{SERVICE_PATH}{service}/{role.name}/{call.services.ids.uuid()}"
        done = Record(key(call.account, _DELETION, task), call.services.ids.uuid(), call.now, call.now)
        return [("create", done), *deletion(call.store, role)]

    return {"DeletionTaskId": together(call.store, writes)[0].name}


@operations
def get_service_linked_role_deletion_status(call: Call, request: Params) -> Params:
    task = request["DeletionTaskId"]
    if call.store.get(key(call.account, _DELETION, task)) is None:
        raise no_such_entity(f"Deletion task {task} cannot be found.")
    return {"Status": "SUCCEEDED"}


def _trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode()
