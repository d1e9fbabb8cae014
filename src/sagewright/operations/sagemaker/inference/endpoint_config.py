"""Endpoint configurations: which models, on what, with which share of the traffic."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.dataplane.objects.values import split_uri
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import hosting, model
from sagewright.operations.sagemaker.noun import Noun, already_existing, could_not_find
from sagewright.resources import async_invocation, endpoint_metrics, serverless
from sagewright.resources.endpoint import hosts_components, variants
from sagewright.resources.endpoint_config import KIND
from sagewright.resources.model import mode

_WHAT: Final = "endpoint configuration"
NOUN: Final = Noun("EndpointConfig", KIND, could_not_find(_WHAT), already_existing(_WHAT))
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
    hosting.check(call, request)
    named = [each["ModelName"] for each in every if not hosts_components(each)]
    models = {name: model.served(model.NOUN.find(call, name)) for name in named}
    for name, found in models.items():
        if shadows and mode(found) != "single":
            raise validation_error(f"Model {name} has several containers or models: it cannot have a shadow.")
    try:
        serverless.check_config(request, models)
        async_invocation.check_config(request, models)
    except ValueError as error:
        raise validation_error(str(error)) from None
    _check_observation(request)
    record = NOUN.create(call, request)
    return {"EndpointConfigArn": record.status["EndpointConfigArn"]}


def _check_observation(request: Params) -> None:
    seconds = endpoint_metrics.period(request)
    if seconds not in endpoint_metrics.PERIODS:
        allowed = ", ".join(str(each) for each in endpoint_metrics.PERIODS)
        raise validation_error(f"MetricPublishFrequencyInSeconds is {seconds}. It must be one of {allowed}.")
    capture = request.get("DataCaptureConfig")
    if capture is not None:
        try:
            split_uri(capture["DestinationS3Uri"])
        except ValueError as error:
            raise validation_error(f"DestinationS3Uri of DataCaptureConfig: {error}.") from None


def _refuse_what_is_not_built(request: Params) -> None:
    every = variants(request)
    reasons = {
        "detailed observability": request.get("MetricsConfig", {}).get("EnableDetailedObservability", False),
        "online explanations": "ExplainerConfig" in request,
        "instance pools": any("InstanceType" not in v and "ServerlessConfig" not in v for v in every),
    }
    asked = [what for what, is_asked in reasons.items() if is_asked]
    if asked:
        raise validation_error(f"Sagewright does not do {' and '.join(asked)} yet. Nothing was created.")
