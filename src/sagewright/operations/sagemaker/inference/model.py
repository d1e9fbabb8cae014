"""Models: containers and where their artifacts are. They have no life; endpoints read them."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, already_existing, could_not_find
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.model import containers

NOUN: Final = Noun("Model", "model", could_not_find("model"), already_existing("model"))
operations = NOUN.operations(delete=True)


@operations
def create_model(call: Call, request: Params) -> Params:
    if ("PrimaryContainer" in request) == ("Containers" in request):
        raise validation_error("Exactly one of PrimaryContainer and Containers must be given.")
    for container in containers(request):
        if "Image" not in container and "ModelPackageName" not in container:
            raise validation_error("A container needs an Image.")
        if "ModelPackageName" in container:
            raise validation_error("Sagewright does not do models from model packages yet. Name an Image.")
    if "ExecutionRoleArn" not in request:
        raise validation_error("ExecutionRoleArn is required: the model's containers work under that role.")
    check_role(call, request["ExecutionRoleArn"])
    record = NOUN.create(call, request)
    return {"ModelArn": record.status["ModelArn"]}
