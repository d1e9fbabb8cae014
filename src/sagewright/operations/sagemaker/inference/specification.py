"""What an inference component is to be: its specification checked, and the model that it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import model
from sagewright.resources import alarm
from sagewright.resources.model import containers

_INSTEAD: Final = {"ModelName": "Container", "Container": "ModelName"}
_NOT_BUILT: Final = {
    "BaseInferenceComponentName": "adapters of a base inference component",
    "ComputeResourceRequirements.AcceleratorPartitionType": "partitions of accelerators",
    "Container.ContainerMetricsConfig": "metrics that containers offer",
}


def checked(request: Params, before: Params, variant: Params) -> Params:
    """The specification that a request asks for; what it leaves out is as `before`.

    Raises a ValidationException for what cannot be on the instances of `variant`.
    """
    if "Specifications" in request:
        raise validation_error("Sagewright does not do Specifications by instance type yet. Use Specification.")
    given = request.get("Specification", {})
    replaced = {_INSTEAD[member] for member in given if member in _INSTEAD}
    found = {**{member: value for member, value in before.items() if member not in replaced}, **given}
    if "Container" in given:
        found["Container"] = {**before.get("Container", {}), **given["Container"]}
    for reason in _mistakes(found, variant):
        raise validation_error(reason)
    return found


def _mistakes(found: Params, variant: Params) -> Iterator[str]:
    for path, what in _NOT_BUILT.items():
        outer, _, inner = path.partition(".")
        if inner in found.get(outer, {}) if inner else outer in found:
            yield f"Sagewright does not do {what} yet. Leave {path} out."
    if ("ModelName" in found) == ("Container" in found):
        yield "The Specification needs either a ModelName or a Container."
    if "Image" not in found.get("Container", {"Image": ""}):
        yield "The Container needs an Image."
    needs = found.get("ComputeResourceRequirements")
    if needs is None:
        yield "The Specification needs ComputeResourceRequirements: what a copy of the model takes of an instance."
        return
    least = needs["MinMemoryRequiredInMb"]
    if needs.get("MaxMemoryRequiredInMb", least) < least:
        yield "MaxMemoryRequiredInMb must not be less than MinMemoryRequiredInMb."
    if found.get("InstanceType", variant["InstanceType"]) != variant["InstanceType"]:
        yield f"The variant {variant['VariantName']} has instances of type {variant['InstanceType']}, and no others."


def model_of(call: Call, found: Params, config: Params) -> Params:
    """The model that copies serve, as it is now: users delete it first."""
    if "ModelName" in found:
        own = model.served(model.NOUN.find(call, found["ModelName"]))
        if len(containers(own)) > 1:
            raise validation_error(
                f"The model {found['ModelName']} has several containers. An inference component has one."
            )
        return own
    members = {"Image": "Image", "ArtifactUrl": "ModelDataUrl", "Environment": "Environment"}
    container = {name: found["Container"][member] for member, name in members.items() if member in found["Container"]}
    return {
        "PrimaryContainer": container,
        "ExecutionRoleArn": config["ExecutionRoleArn"],
        "EnableNetworkIsolation": config.get("EnableNetworkIsolation", False),
    }


def check_deployment(call: Call, config: Params) -> None:
    """Raises a ValidationException for a DeploymentConfig that cannot be carried out."""
    for each in config.get("AutoRollbackConfiguration", {}).get("Alarms", ()):
        name = each.get("AlarmName", "")
        if all(call.store.get(call.key(kind, name)) is None for kind in alarm.TYPES):
            raise validation_error(f"There is no CloudWatch alarm named {name}.")
