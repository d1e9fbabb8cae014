"""InvokeEndpoint: the hot path. Hand the body to a warm model server and its answer back, both unread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.inference.ask import Ask
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.containers import NoSuchContainer
from sagewright.dataplane.inference.models import ModelNotReady, NoSuchModel
from sagewright.dataplane.inference.router import Invoked, NoSuchEndpoint, NoSuchVariant, NotServing
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations
from sagewright.resources.endpoint import LOG_GROUP

operations = Operations()

MAX_BODY: Final = 25 * 1024 * 1024
"""Bytes of a request, as AWS allows for real-time inference."""

# Request members that a container may see, and the header that carries each.
_FORWARDED: Final = (
    ("ContentType", "Content-Type"),
    ("Accept", "Accept"),
    ("CustomAttributes", "X-Amzn-SageMaker-Custom-Attributes"),
    ("InferenceId", "X-Amzn-SageMaker-Inference-Id"),
    ("TargetModel", "X-Amzn-SageMaker-Target-Model"),
)
_UNSUPPORTED: Final = (
    "InferenceComponentName",
    "EnableExplanations",
    "SessionId",
)


@operations
async def invoke_endpoint(call: Call, request: Params) -> Params:
    refused = [member for member in _UNSUPPORTED if member in request]
    if refused:
        raise AwsError("ValidationError", f"Sagewright does not do {refused[0]} yet. Leave it out.")
    name = request["EndpointName"]
    target = request.get("TargetVariant")
    ask = _ask(request, call.services.clock.monotonic())
    try:
        invoked = await call.services.inference.invoke((call.account, call.region, name), ask)
    except NoSuchEndpoint:
        raise AwsError("ValidationError", f"Endpoint {name} of account {call.account} not found.") from None
    except NoSuchVariant:
        raise AwsError("ValidationError", f"Variant {target} not found in endpoint {name}.") from None
    except (NoSuchContainer, NoSuchModel) as error:
        raise AwsError("ValidationError", str(error)) from None
    except ModelNotReady as error:
        raise AwsError(
            "ModelNotReadyException", f"Model {error} is still being loaded. Try again in a while.", status=429
        ) from None
    except NotServing as error:
        if error.passing:
            raise _unavailable(name, str(error)) from None
        raise AwsError("ValidationError", f"Endpoint {name} cannot answer now. {error}") from None
    except TimeoutError:
        raise _model_error(
            call, name, 0, "Your invocation timed out while waiting for a response from container."
        ) from None
    except Unreachable:
        raise _unavailable(name, "The instance ended while it was at the request.") from None
    if not 200 <= invoked.reply.status < 300:
        raise _model_error(call, name, invoked.reply.status, invoked.reply.body.decode("utf-8", "replace"))
    return _result(invoked)


def _ask(request: Params, received: float) -> Ask:
    body: bytes = request.get("Body", b"")
    if len(body) > MAX_BODY:
        raise AwsError("ValidationError", f"The body has {len(body)} bytes; the limit is {MAX_BODY}.", status=413)
    headers = [(header, request[member]) for member, header in _FORWARDED if request.get(member) is not None]
    return Ask(
        body,
        headers,
        variant=request.get("TargetVariant"),
        container=request.get("TargetContainerHostname"),
        model=request.get("TargetModel"),
        received=received,
    )


def _result(invoked: Invoked) -> Params:
    headers: Mapping[str, str] = invoked.reply.headers
    result: dict[str, Any] = {"Body": invoked.reply.body, "InvokedProductionVariant": invoked.variant.name}
    if content_type := headers.get("content-type"):
        result["ContentType"] = content_type
    if attributes := headers.get("x-amzn-sagemaker-custom-attributes"):
        result["CustomAttributes"] = attributes
    return result


def _unavailable(name: str, why: str) -> AwsError:
    """What clients try again by themselves: instances die, and others take their place."""
    return AwsError("ServiceUnavailable", f"Endpoint {name} cannot answer now. {why} Try again.", status=503)


def _model_error(call: Call, name: str, status: int, message: str) -> AwsError:
    return AwsError(
        "ModelError",
        f"Received {'server' if status >= 500 else 'client'} error ({status}) from {name} with message "
        f'"{message[:1024]}". See {LOG_GROUP}{name} in the logs for more information.',
        status=424,
        fields={
            "OriginalStatusCode": status,
            "OriginalMessage": message[:1024],
            "LogStreamArn": f"arn:aws:logs:{call.region}:{call.account}:log-group:{LOG_GROUP}{name}",
        },
    )
