"""What requests are told that cannot be sent to an inference component, in AWS's words: clients match on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.inference.ask import Ask
from sagewright.dataplane.inference.router import (
    ComponentError,
    ComponentMissing,
    ComponentUnwanted,
    NoCapacity,
    NoSuchComponent,
)
from sagewright.operations.call import Call
from sagewright.resources import endpoint, inference_component

_WORDS: Final[Mapping[type[ComponentError], str]] = {
    ComponentMissing: (
        "Inference Component Name header is required for endpoints to which you plan to deploy inference components. "
        "Please include Inference Component Name header or consider using SageMaker models."
    ),
    ComponentUnwanted: (
        "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
        "components. Please remove the Inference Component Name header and try again."
    ),
    NoCapacity: (
        "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if "
        "configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
    ),
    NoSuchComponent: "Inference Component {component} not found in endpoint {endpoint}.",
}


def log_group(name: str, ask: Ask) -> str:
    """Where the model of the endpoint, or of the component that is asked for, has its log."""
    if ask.component is None:
        return endpoint.LOG_GROUP + name
    return inference_component.LOG_GROUP + ask.component


def refusal(call: Call, error: ComponentError, name: str) -> AwsError:
    """Alarms on NoCapacityInvocationFailures wake components that were scaled to no copies."""
    if isinstance(error, NoCapacity):
        dimensions = {"InferenceComponentName": str(error)}
        call.services.meter.observe((call.account, call.region), "NoCapacityInvocationFailures", 1, dimensions)
    return AwsError("ValidationError", _WORDS[type(error)].format(component=error, endpoint=name))
