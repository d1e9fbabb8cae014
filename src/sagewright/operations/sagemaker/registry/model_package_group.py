"""Model package groups: what numbers the versions of a model. A group's record counts them."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, already_exists, refuse_while
from sagewright.resources.record import Record

PACKAGE: Final = "model-package"


def _missing(name: str, _arn: str) -> AwsError:
    return validation_error(f"ModelPackageGroup {name} does not exist.")


NOUN: Final = Noun(
    "ModelPackageGroup",
    "model-package-group",
    _missing,
    already_exists("Model Package Group"),
    filters={"CrossAccountFilterOption": lambda _view, wanted: bool(wanted == "SameAccount")},
)
operations = NOUN.operations()


@operations
def create_model_package_group(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.create(call, request, state="Completed"))


@operations
def delete_model_package_group(call: Call, request: Params) -> Params:
    def empty(record: Record) -> None:
        sentence = f"Model Package Group {record.name} still contains model packages. Delete these first."
        facets = {"ModelPackageGroupName": record.name}
        refuse_while(call, AwsError("ConflictException", sentence), PACKAGE, facets=facets)

    NOUN.remove(call, NOUN.named(call, request), empty)
    return {}
