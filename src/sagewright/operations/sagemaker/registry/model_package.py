"""Model packages: versions of a group, numbered from 1, or packages with names of their own.

A version's record is named `GROUP/NUMBER`, as its ARN is. Nothing is validated, so a package is complete at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from botocore.model import MapShape, Shape, StructureShape

from sagewright.base.errors import AlreadyExists, AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.sagemaker.noun import Noun, already_exists, together
from sagewright.operations.sagemaker.registry import model_package_content as content
from sagewright.operations.sagemaker.registry import model_package_group
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write


def _missing(name: str, _arn: str) -> AwsError:
    return validation_error(f"ModelPackage {name} does not exist.")


def _computed(record: Record) -> Params:
    versioned = "ModelPackageGroupName" in record.spec
    named = {} if versioned else {"ModelPackageName": record.name}
    return {"ModelPackageName": None, **named, "ModelPackageType": "Versioned" if versioned else "Unversioned"}


_FACETS: Final = ("ModelPackageGroupName", "ModelApprovalStatus", "ModelPackageType", "ClientToken")
NOUN: Final = Noun(
    "ModelPackage",
    model_package_group.PACKAGE,
    _missing,
    already_exists("ModelPackage"),
    facets={name: name for name in _FACETS},
    filters={name: name for name in _FACETS},
    also=_computed,
)
operations = NOUN.operations(but=("describe_model_package", "list_model_packages"))

_DETAILS: Final[Params] = {"ModelPackageStatusDetails": {"ValidationStatuses": []}}
_NO_APPROVAL: Final = "ModelApprovalStatus applies to versions of a group only."


@operations
def create_model_package(call: Call, request: Params) -> Params:
    if ("ModelPackageName" in request) == ("ModelPackageGroupName" in request):
        raise validation_error("Exactly one of ModelPackageName and ModelPackageGroupName must be given.")
    spec = content.checked(call, request)
    if "ModelPackageGroupName" in request:
        return NOUN.answer(call, _next_version(call, spec))
    if "ModelApprovalStatus" in request:
        raise validation_error(_NO_APPROVAL)
    return NOUN.answer(call, NOUN.create(call, spec, state="Completed", status=_DETAILS))


@operations
def describe_model_package(call: Call, request: Params) -> Params:
    view = NOUN.view(NOUN.named(call, request))
    if request.get("IncludedData") == "MetadataOnly":
        view = content.without_card_content(view)
    return project(view, output_of(call))


@operations
def list_model_packages(call: Call, request: Params) -> Params:
    """Those without a group, unless a group or a type is asked for."""
    asked = dict(request)
    if "ModelPackageGroupName" in asked:
        asked["ModelPackageGroupName"] = model_package_group.NOUN.named(call, request).name
    kind = asked.pop("ModelPackageType", "Both" if "ModelPackageGroupName" in asked else "Unversioned")
    return NOUN.list(call, asked if kind == "Both" else {**asked, "ModelPackageType": kind})


@operations
def update_model_package(call: Call, request: Params) -> Params:
    content.check_parts(request)

    def update(record: Record) -> Record:
        if "ModelApprovalStatus" in request and "ModelPackageGroupName" not in record.spec:
            raise validation_error(_NO_APPROVAL)
        return replace(record, spec=content.changed(record.spec, request))

    return NOUN.answer(call, NOUN.amend(call, request["ModelPackageArn"], update))


@operations
def delete_model_package(call: Call, request: Params) -> Params:
    NOUN.remove(call, NOUN.named(call, request))
    return {}


@operations
def batch_describe_model_package(call: Call, request: Params) -> Params:
    shape = _values(output_of(call).members["ModelPackageSummaries"])
    found: Params = {}
    failed: Params = {}
    for arn in dict.fromkeys(request["ModelPackageArnList"]):
        record = NOUN.by_arn(call.store, arn, call.account)
        if record is None or record.key.region != call.region:
            failed[arn] = {"ErrorCode": "ValidationException", "ErrorResponse": _missing(arn, arn).message}
        elif "ModelPackageGroupName" not in record.spec:
            sentence = f"ModelPackage {arn} is no version of a group. Describe it by itself."
            failed[arn] = {"ErrorCode": "ValidationException", "ErrorResponse": sentence}
        else:
            found[arn] = project(NOUN.view(record), shape)
    return {
        **({"ModelPackageSummaries": found} if found else {}),
        **({"BatchDescribeModelPackageErrorMap": failed} if failed else {}),
    }


def containers_of(call: Call, container: Mapping[str, Any]) -> list[Params]:
    """What a model's container that names a package stands for.

    Raises a ValidationException where there is no such package, and where it is a version that is not approved.
    """
    package = NOUN.find(call, container["ModelPackageName"])
    arn = package.status["ModelPackageArn"]
    if package.spec.get("ModelApprovalStatus", "Approved") != "Approved":
        raise validation_error(
            f"Model package {arn} is not approved. UpdateModelPackage with ModelApprovalStatus Approved does that."
        )
    wanted = container.get("InferenceSpecificationName")
    found = content.specification(package.spec, wanted)
    if found is None:
        raise validation_error(f"Model package {arn} has no inference specification{f' {wanted}' if wanted else ''}.")
    environment = container.get("Environment", {})
    return [{**each, "Environment": {**each.get("Environment", {}), **environment}} for each in found["Containers"]]


def _values(shape: Shape) -> StructureShape:
    """What the values of a map are."""
    assert isinstance(shape, MapShape)
    assert isinstance(shape.value, StructureShape)
    return shape.value


def _next_version(call: Call, spec: Params) -> Record:
    """Numbers are never used again. A request that repeats an earlier one's client token gets what that one made."""

    def next_one() -> Sequence[Write]:
        group = model_package_group.NOUN.named(call, spec)
        if _made_with(call, group, spec) is not None:
            raise AlreadyExists
        number = group.status.get("versions", 0) + 1
        version = NOUN.new(
            call,
            {"ModelApprovalStatus": "PendingManualApproval", **spec, "ModelPackageGroupName": group.name},
            name=f"{group.name}/{number}",
            state="Completed",
            status={"ModelPackageVersion": number, **_DETAILS},
        )
        # The group first: who was overtaken finds it changed, and counts on, before the number turns out to be taken.
        return (("update", replace(group, status={**group.status, "versions": number})), ("create", version))

    try:
        return together(call.store, next_one)[1]
    except AlreadyExists:
        earlier = _made_with(call, model_package_group.NOUN.named(call, spec), spec)
        if earlier is None:
            raise AwsError("ConflictException", "The group was just changed. Try again.") from None
        return earlier


def _made_with(call: Call, group: Record, spec: Params) -> Record | None:
    """The version that an earlier request with this client token made."""
    if "ClientToken" not in spec:
        return None
    facets: dict[str, Any] = {"ClientToken": spec["ClientToken"], "ModelPackageGroupName": group.name}
    query = Query(call.account, call.region, NOUN.kind, facets=facets)
    return next(iter(call.store.list(query, limit=1).records), None)
