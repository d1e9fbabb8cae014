"""Models: containers and where their artifacts are. They have no life; endpoints read them."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, already_existing, could_not_find
from sagewright.operations.sagemaker.registry import model_package
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.model import containers, mode
from sagewright.resources.record import Record

NOUN: Final = Noun("Model", "model", could_not_find("model"), already_existing("model"))
operations = NOUN.operations(delete=True)


@operations
def create_model(call: Call, request: Params) -> Params:
    if ("PrimaryContainer" in request) == ("Containers" in request):
        raise validation_error("Exactly one of PrimaryContainer and Containers must be given.")
    for container in containers(request):
        if ("Image" in container) == ("ModelPackageName" in container):
            raise validation_error("A container needs either an Image or a ModelPackageName.")
    _check_names(request)
    _check_modes(request)
    if "ExecutionRoleArn" not in request:
        raise validation_error("ExecutionRoleArn is required: the model's containers work under that role.")
    check_role(call, request["ExecutionRoleArn"])
    record = NOUN.create(call, request, status=_of_packages(call, request))
    return {"ModelArn": record.status["ModelArn"]}


def _check_names(request: Params) -> None:
    """Containers are told apart by their hostnames."""
    own = containers(request)
    names = [each["ContainerHostname"] for each in own if "ContainerHostname" in each]
    if len(set(names)) < len(names):
        raise validation_error("Container hostnames must be unique within a model.")
    if names and len(own) > 1 and len(names) < len(own):
        raise validation_error("Give a ContainerHostname to each of the containers, or to none.")
    if mode(request) == "direct" and not names:
        raise validation_error("Containers that are invoked directly (mode Direct) need a ContainerHostname each.")


def _check_modes(request: Params) -> None:
    """A container of many models is one by itself, and knows where they are."""
    own = containers(request)
    for each in own:
        many = each.get("Mode") == "MultiModel"
        if "MultiModelConfig" in each and not many:
            raise validation_error("MultiModelConfig is for containers whose Mode is MultiModel.")
        if not many:
            continue
        if "ModelPackageName" in each or not each.get("ModelDataUrl", "").startswith("s3://"):
            raise validation_error(
                "A container whose Mode is MultiModel needs a ModelDataUrl: the prefix in S3 that its models lie below."
            )
        if len(own) > 1:
            raise validation_error("A container whose Mode is MultiModel must be the only container of its model.")


def served(model: Record) -> Params:
    """The model with what its packages stood for when it was made in their place."""
    resolved = model.status.get("containers")
    if resolved is None:
        return dict(model.spec)
    kept = {member: value for member, value in model.spec.items() if member != "PrimaryContainer"}
    return {**kept, "Containers": resolved}


def _of_packages(call: Call, request: Params) -> Params:
    """The containers that the request's packages stand for; nothing where it names none."""
    own = containers(request)
    if not any("ModelPackageName" in container for container in own):
        return {}
    found: list[Params] = []
    for container in own:
        found += model_package.containers_of(call, container) if "ModelPackageName" in container else [dict(container)]
    return {"containers": found}
