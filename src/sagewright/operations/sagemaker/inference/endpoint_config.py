"""Endpoint configurations: which models, on what, with which share of the traffic."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import model
from sagewright.operations.sagemaker.noun import Noun, already_existing, could_not_find
from sagewright.resources.endpoint import variants
from sagewright.resources.model import mode

_WHAT: Final = "endpoint configuration"
NOUN: Final = Noun("EndpointConfig", "endpoint-config", could_not_find(_WHAT), already_existing(_WHAT))
operations = NOUN.operations(delete=True)  # endpoints that were made from one go on: they hold a copy


@operations
def create_endpoint_config(call: Call, request: Params) -> Params:
    _refuse_what_is_not_built(request)
    shadows, every = request.get("ShadowProductionVariants", ()), variants(request)
    names = [variant["VariantName"] for variant in every]
    if len(set(names)) < len(names):
        raise validation_error("Production variant names must be unique within an endpoint configuration.")
    if shadows and len(every) != 2:
        raise validation_error("With ShadowProductionVariants, give one production variant and one shadow variant.")
    for variant in every:
        found = model.NOUN.find(call, variant["ModelName"])
        if shadows and mode(model.served(found)) != "single":
            raise validation_error(f"Model {found.name} has several containers or models: it cannot have a shadow.")
    record = NOUN.create(call, request)
    return {"EndpointConfigArn": record.status["EndpointConfigArn"]}


def _refuse_what_is_not_built(request: Params) -> None:
    every = variants(request)
    reasons = {
        "asynchronous inference": "AsyncInferenceConfig" in request,
        "data capture": request.get("DataCaptureConfig", {}).get("EnableCapture", False),
        "online explanations": "ExplainerConfig" in request,
        "inference components (variants without a model)": any("ModelName" not in v for v in every),
        "serverless variants": any("ServerlessConfig" in variant for variant in every),
        "instance pools": any("InstanceType" not in v and "ServerlessConfig" not in v for v in every),
    }
    asked = [what for what, is_asked in reasons.items() if is_asked]
    if asked:
        raise validation_error(f"Sagewright does not do {' and '.join(asked)} yet. Nothing was created.")
