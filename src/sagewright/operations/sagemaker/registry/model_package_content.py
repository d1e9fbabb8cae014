"""What a model package says of its model: which parts fit together, and how updates change them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.registry.model_card_content import check_object
from sagewright.operations.sagemaker.training import algorithm

_MOST_SPECIFICATIONS: Final = 15
_MOST_METADATA: Final = 50
_WHOLE: Final = (
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelLifeCycle",
)
_INSTANCES: Final = ("SupportedTransformInstanceTypes", "SupportedRealtimeInferenceInstanceTypes")


def checked(call: Call, request: Params) -> Params:
    """The request as it is to be kept; raises a ValidationException for what does not fit together."""
    if "ValidationSpecification" in request:
        raise validation_error("Sagewright does not validate model packages yet. Leave ValidationSpecification out.")
    if request.get("CertifyForMarketplace"):
        raise validation_error("There is no marketplace here. Leave CertifyForMarketplace out.")
    if "ModelPackageGroupName" in request and request.get("Tags"):
        raise validation_error("A version has its group's tags. Leave Tags out, or tag the group.")
    check_parts(request)
    sources = [member for member in ("InferenceSpecification", "SourceAlgorithmSpecification") if member in request]
    if len(sources) > 1:
        raise validation_error("Give InferenceSpecification or SourceAlgorithmSpecification, not both.")
    logged = request.get("ModelPackageRegistrationType") == "Logged"
    if not sources and "SourceUri" not in request and not logged:
        raise validation_error("One of InferenceSpecification, SourceAlgorithmSpecification and SourceUri is required.")
    if "ModelPackageName" in request and "InferenceSpecification" in request:
        lacking = [member for member in _INSTANCES if member not in request["InferenceSpecification"]]
        if lacking:
            raise validation_error(f"{lacking[0]} is required for a package that is no version of a group.")
    return {**request, **_from_algorithm(call, request.get("SourceAlgorithmSpecification"))}


def check_parts(request: Mapping[str, Any]) -> None:
    """What both new packages and updates may hold."""
    specifications = [
        *request.get("AdditionalInferenceSpecifications", ()),
        *request.get("AdditionalInferenceSpecificationsToAdd", ()),
    ]
    _check_names(specifications)
    own = [request["InferenceSpecification"]] if "InferenceSpecification" in request else []
    for specification in (*specifications, *own):
        for container in specification["Containers"]:
            _check_container(container)
    card: Mapping[str, str] = request.get("ModelCard", {})
    if "ModelCardContent" in card:
        check_object(card["ModelCardContent"])


def changed(spec: Mapping[str, Any], request: Params) -> Params:
    """The spec after an UpdateModelPackage."""
    after: Params = {**spec, **{member: request[member] for member in _WHOLE if member in request}}
    if "ModelCard" in request:
        card: Params = spec.get("ModelCard", {})
        after["ModelCard"] = {**card, **request["ModelCard"]}
    metadata: dict[str, str] = {
        **spec.get("CustomerMetadataProperties", {}),
        **request.get("CustomerMetadataProperties", {}),
    }
    for key in request.get("CustomerMetadataPropertiesToRemove", ()):
        metadata.pop(key, None)
    if len(metadata) > _MOST_METADATA:
        raise validation_error(f"A model package may have {_MOST_METADATA} metadata properties.")
    added = request.get("AdditionalInferenceSpecificationsToAdd", ())
    specifications = [*spec.get("AdditionalInferenceSpecifications", ()), *added]
    _check_names(specifications)
    after |= {"CustomerMetadataProperties": metadata, "AdditionalInferenceSpecifications": specifications}
    return {member: value for member, value in after.items() if value not in ({}, [])}


def specification(spec: Mapping[str, Any], name: str | None) -> Mapping[str, Any] | None:
    """A package's inference specification, or the additional one of that name; None where there is none."""
    if name is None:
        return spec.get("InferenceSpecification")
    named = (each for each in spec.get("AdditionalInferenceSpecifications", ()) if each["Name"] == name)
    return next(named, None)


def without_card_content(view: Params) -> Params:
    """What is seen of a package by those who may not read what its card says."""
    card = view.get("ModelCard")
    if card is None:
        return view
    return {**view, "ModelCard": {member: value for member, value in card.items() if member != "ModelCardContent"}}


def _from_algorithm(call: Call, source: Mapping[str, Any] | None) -> Params:
    """The inference specification of the algorithm that the model was trained with, with the model's data."""
    if source is None:
        return {}
    (origin,) = source["SourceAlgorithms"]
    found = algorithm.NOUN.find(call, origin["AlgorithmName"])
    specification = found.spec.get("InferenceSpecification")
    if specification is None:
        raise validation_error(f"Algorithm {found.name} has no InferenceSpecification to make a package of.")
    data = {member: value for member, value in origin.items() if member != "AlgorithmName"}
    containers = [{**container, **data} for container in specification["Containers"]]
    return {"InferenceSpecification": {**specification, "Containers": containers}}


def _check_container(container: Mapping[str, Any]) -> None:
    if "Image" not in container:
        raise validation_error("Each container of a model package needs an Image.")
    if "ModelDataUrl" in container and "ModelDataSource" in container:
        raise validation_error("A container has ModelDataUrl or ModelDataSource, not both.")


def _check_names(specifications: Iterable[Mapping[str, Any]]) -> None:
    names: Sequence[str] = [specification["Name"] for specification in specifications]
    if len(names) > _MOST_SPECIFICATIONS:
        raise validation_error(f"A model package may have {_MOST_SPECIFICATIONS} additional inference specifications.")
    if len(set(names)) < len(names):
        raise validation_error("The names of additional inference specifications must differ.")
