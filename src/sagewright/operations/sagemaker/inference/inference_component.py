"""Inference components: models with copies of their own on an endpoint that they share."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import endpoint
from sagewright.operations.sagemaker.noun import Noun, could_not_find, resource_in_use
from sagewright.resources.record import Record

_ONLY_VARIANT: Final = "AllTraffic"
NOUN: Final = Noun(
    "InferenceComponent",
    "inference-component",
    could_not_find("inference component"),
    resource_in_use("Inference component"),
    facets={"EndpointName": "EndpointName", "VariantName": "VariantName"},
    filters={"EndpointNameEquals": "EndpointName", "VariantNameEquals": "VariantName"},
)
operations = NOUN.operations(delete=True)


@operations
def create_inference_component(call: Call, request: Params) -> Params:
    host = endpoint.NOUN.find(call, request["EndpointName"])
    request = {"VariantName": _ONLY_VARIANT, **request}
    status = {"EndpointArn": host.status["EndpointArn"]}
    return NOUN.answer(call, NOUN.create(call, request, state="Creating", status=status))


@operations
def update_inference_component(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.merge(call, request, "Specification", "Specifications", "RuntimeConfig"))


@operations
def update_inference_component_runtime_config(call: Call, request: Params) -> Params:
    def scale(record: Record) -> Record:
        return replace(record, spec={**record.spec, "RuntimeConfig": request["DesiredRuntimeConfig"]})

    return NOUN.answer(call, NOUN.amend(call, request["InferenceComponentName"], scale))
