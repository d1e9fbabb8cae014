"""What all ways to invoke an endpoint share: the request as a container sees it, and the errors in AWS's words."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.inference.ask import Ask
from sagewright.dataplane.inference.connection import Nonsense, Unreachable
from sagewright.dataplane.inference.containers import NoSuchContainer
from sagewright.dataplane.inference.demand import Throttled
from sagewright.dataplane.inference.models import ModelNotReady, NoSuchModel
from sagewright.dataplane.inference.router import (
    Asynchronous,
    ComponentError,
    Invoked,
    NoSuchEndpoint,
    NoSuchVariant,
    NotServing,
)
from sagewright.dataplane.inference.sessions import BadSession, NoSuchSession
from sagewright.operations.call import Call, Params
from sagewright.operations.runtime import components

# Request members that a container may see, and the header that carries each.
_FORWARDED: Final = (
    ("ContentType", "Content-Type"),
    ("Accept", "Accept"),
    ("CustomAttributes", "X-Amzn-SageMaker-Custom-Attributes"),
    ("InferenceId", "X-Amzn-SageMaker-Inference-Id"),
    ("SessionId", "X-Amzn-SageMaker-Session-Id"),
    ("TargetModel", "X-Amzn-SageMaker-Target-Model"),
)
_UNSUPPORTED: Final = ("EnableExplanations",)
_TOLD: Final = 1024
"""Characters of a model's own message that are handed on."""


def asked(call: Call, request: Params, *, streams: bool = False) -> Ask:
    """The request as the router takes it. Raises AwsError for what is not done."""
    refused = [member for member in _UNSUPPORTED if member in request]
    if refused:
        raise AwsError("ValidationError", f"Sagewright does not do {refused[0]} yet. Leave it out.")
    return Ask(
        request.get("Body", b""),
        [(header, request[member]) for member, header in _FORWARDED if member in request],
        variant=request.get("TargetVariant"),
        container=request.get("TargetContainerHostname"),
        model=request.get("TargetModel"),
        component=request.get("InferenceComponentName"),
        session=request.get("SessionId"),
        streams=streams,
        received=call.received,
    )


async def answered(call: Call, name: str, ask: Ask) -> Invoked:
    """What the endpoint's model answers, if it is a success. Raises AwsError for everything else."""
    try:
        invoked = await call.services.inference.invoke((call.account, call.region, name), ask)
    except NoSuchEndpoint:
        raise _invalid(f"Endpoint {name} of account {call.account} not found.") from None
    except ComponentError as error:
        raise components.refusal(call, error, name) from None
    except Asynchronous:
        raise _invalid(f"Endpoint {name} is asynchronous. Use InvokeEndpointAsync.") from None
    except Throttled as error:
        raise AwsError("ThrottlingException", f"{error}. Try again, or raise its MaxConcurrency.") from None
    except NoSuchVariant:
        raise _invalid(f"Variant {ask.variant} not found in endpoint {name}.") from None
    except (NoSuchContainer, NoSuchModel) as error:
        raise _invalid(str(error)) from None
    except ModelNotReady as error:
        raise AwsError(
            "ModelNotReadyException", f"Model {error} is still being loaded. Try again in a while.", status=429
        ) from None
    except NoSuchSession:
        raise _invalid(
            f"Session {ask.session} not found in endpoint {name}: there is none of this id, it has expired, or the "
            "instance that it was at is gone. Begin another with the SessionId NEW_SESSION."
        ) from None
    except NotServing as error:
        if error.passing:
            raise _unavailable(name, str(error)) from None
        raise _invalid(f"Endpoint {name} cannot answer now. {error}") from None
    except TimeoutError:
        raise model_error(call, components.log_group(name, ask), 0, TIMED_OUT) from None
    except (Nonsense, BadSession) as error:
        raise model_error(call, components.log_group(name, ask), 0, str(error)) from None
    except Unreachable:
        raise _unavailable(name, "The instance ended while it was at the request.") from None
    if not invoked.reply.ok:
        message = invoked.reply.body.decode("utf-8", "replace")
        group = components.log_group(name, ask)
        raise model_error(call, group, invoked.reply.status, message, invoked.instance.log_stream)
    return invoked


TIMED_OUT: Final = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


def model_error(call: Call, group: str, status: int, message: str, log_stream: str | None = None) -> AwsError:
    """The model's failure: its status, 0 where it gave none, and what it said. `group` is where its log is."""
    where = f"arn:aws:logs:{call.region}:{call.account}:log-group:{group}"
    return AwsError(
        "ModelError",
        f"Received {'client' if 400 <= status < 500 else 'server'} error ({status}) from primary with message "
        f'"{message[:_TOLD]}". See {group} in account {call.account} for more information.',
        status=424,
        fields={
            "OriginalStatusCode": status,
            "OriginalMessage": message[:_TOLD],
            "LogStreamArn": where if log_stream is None else f"{where}:log-stream:{log_stream}",
        },
    )


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _unavailable(name: str, why: str) -> AwsError:
    """What clients try again by themselves: instances die, and others take their place."""
    return AwsError("ServiceUnavailable", f"Endpoint {name} cannot answer now. {why} Try again.", status=503)
