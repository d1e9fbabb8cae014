"""Inference components: models with copies of their own on an endpoint that they share.
`controllers/inference_component.py` makes them serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import InvalidTransition, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import endpoint, specification
from sagewright.operations.sagemaker.noun import Noun, already_existing, could_not_find
from sagewright.resources.endpoint import hosts_components
from sagewright.resources.inference_component import KIND, LIFE, resized, served, updated
from sagewright.resources.record import Record


def _seen(record: Record) -> Params:
    """What Describe… says otherwise than the request did."""
    spec = served(record)
    current = record.status.get("RuntimeConfig", {}).get("CurrentCopyCount", 0)
    return {
        "Specification": _described(spec["Specification"], record.status.get("resolved", record.created)),
        "RuntimeConfig": {"DesiredCopyCount": spec["RuntimeConfig"]["CopyCount"], "CurrentCopyCount": current},
        "LastDeploymentConfig": spec.get("DeploymentConfig") or None,
    }


def _described(specification: Params, since: float) -> Params:
    if "Container" not in specification:
        return specification
    container = dict(specification["Container"])
    image = container.pop("Image")
    deployed = {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": since}
    return {**specification, "Container": {**container, "DeployedImage": deployed}}


_WHAT: Final = "inference component"
NOUN: Final = Noun(
    "InferenceComponent",
    KIND,
    could_not_find(_WHAT),
    already_existing(_WHAT),
    facets={"EndpointName": "EndpointName", "VariantName": "VariantName"},
    filters={"EndpointNameEquals": "EndpointName", "VariantNameEquals": "VariantName"},
    also=_seen,
)
operations = NOUN.operations()


@operations
def create_inference_component(call: Call, request: Params) -> Params:
    host = _host(call, request)
    variant = _variant(host, request)
    own = specification.checked(request, {}, variant)
    copies = request.get("RuntimeConfig", {"CopyCount": 1})
    if copies["CopyCount"] < 1:
        raise validation_error("An inference component is created with a CopyCount of at least 1. Scale it to 0 later.")
    spec = {
        **request,
        "VariantName": variant["VariantName"],
        "Specification": own,
        "RuntimeConfig": copies,
        "model": specification.model_of(call, own, host.spec["config"]),
        "generation": 1,
        "update": 1,
    }
    status = {"EndpointArn": host.status["EndpointArn"]}
    record = NOUN.create(call, spec, under=lambda: _host(call, request), state="Creating", status=status)
    return NOUN.answer(call, record)


@operations
def update_inference_component(call: Call, request: Params) -> Params:
    if not {"Specification", "Specifications", "RuntimeConfig"} & set(request):
        raise validation_error("Say what is to be updated: the Specification or the RuntimeConfig.")
    specification.check_deployment(call, request.get("DeploymentConfig", {}))

    def update(record: Record) -> Record:
        wanted: Params = {"DeploymentConfig": request.get("DeploymentConfig", {})}  # that of before is over
        if "RuntimeConfig" in request:
            wanted["RuntimeConfig"] = request["RuntimeConfig"]
        if "Specification" in request or "Specifications" in request:
            host = endpoint.NOUN.find(call, record.spec["EndpointName"])
            own = specification.checked(request, served(record)["Specification"], _variant(host, record.spec))
            wanted["Specification"] = own
            wanted["model"] = specification.model_of(call, own, host.spec["config"])
            wanted["generation"] = record.spec["generation"] + 1
        return _changed(record, lambda: updated(record, wanted))

    return NOUN.answer(call, NOUN.amend(call, request["InferenceComponentName"], update))


@operations
def update_inference_component_runtime_config(call: Call, request: Params) -> Params:
    copies = request["DesiredRuntimeConfig"]["CopyCount"]

    def scale(record: Record) -> Record:
        return _changed(record, lambda: resized(record, copies))

    return NOUN.answer(call, NOUN.amend(call, request["InferenceComponentName"], scale))


@operations
def delete_inference_component(call: Call, request: Params) -> Params:
    def delete(record: Record) -> Record:
        return replace(record, intent="delete", state=LIFE.after(record.state, "delete"))

    NOUN.amend(call, request["InferenceComponentName"], delete)
    return {}


def _changed(record: Record, change: Callable[[], Record]) -> Record:
    try:
        return change()
    except InvalidTransition:
        raise validation_error(
            f'Cannot update inference component "{record.status[NOUN.arn_member]}" while it is {record.state}.'
        ) from None


def _host(call: Call, request: Params) -> Record:
    """The endpoint that the component is on. Raises a ValidationException when it takes none."""
    host = endpoint.NOUN.find(call, request["EndpointName"])
    if host.state in ("Deleting", "Failed"):
        raise validation_error(f'Cannot create inference components on endpoint "{host.name}": it is {host.state}.')
    if not all(hosts_components(variant) for variant in host.spec["config"]["ProductionVariants"]):
        raise validation_error(
            f"The endpoint {host.name} has models of its own. Inference components need an endpoint whose "
            "configuration has an ExecutionRoleArn, and production variants without a ModelName."
        )
    return host


def _variant(host: Record, request: Mapping[str, Any]) -> Params:
    """The variant that a request names; the only one, where it names none."""
    variants = {each["VariantName"]: each for each in host.spec["config"]["ProductionVariants"]}
    name = request.get("VariantName") or (next(iter(variants)) if len(variants) == 1 else "")
    if name not in variants:
        raise validation_error(f"VariantName must be a variant of endpoint {host.name}: {', '.join(variants)}.")
    found: Params = variants[name]
    return found
