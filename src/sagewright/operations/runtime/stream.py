"""InvokeEndpointWithResponseStream: what a model answers, while it answers, as a stream of events."""

from __future__ import annotations

import logging
from typing import Any, Final

import orjson

from sagewright.base.errors import AwsError
from sagewright.dataplane.inference.ask import Rest
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.sessions import NEW
from sagewright.operations.call import Call, Params
from sagewright.operations.runtime.asking import TIMED_OUT, answered, asked
from sagewright.operations.table import Operations
from sagewright.wire import eventstream

operations = Operations()

_log = logging.getLogger(__name__)
_HANDED_ON: Final = (("content-type", "ContentType"), ("x-amzn-sagemaker-custom-attributes", "CustomAttributes"))


@operations
async def invoke_endpoint_with_response_stream(call: Call, request: Params) -> Params:
    if request.get("SessionId") == NEW:
        raise AwsError("ValidationError", "InvokeEndpoint begins sessions: name one here that it began.")
    invoked = await answered(call, request["EndpointName"], asked(call, request, streams=True))
    assert invoked.reply.rest is not None
    result: dict[str, Any] = {"Body": Events(invoked.reply.rest), "InvokedProductionVariant": invoked.variant.name}
    for header, member in _HANDED_ON:
        if header in invoked.reply.headers:
            result[member] = invoked.reply.headers[header]
    return result


class Events:
    """An answer's pieces as events; where they break off, the last one says why. Bytes of the wire's format."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._ended = False

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        try:
            return eventstream.event("PayloadPart", await anext(self._rest))
        except TimeoutError:
            return self._failed("ModelStreamError", TIMED_OUT, ErrorCode="ModelInvocationTimeExceeded")
        except Unreachable as error:
            return self._failed("ModelStreamError", str(error), ErrorCode="StreamBroken")
        except StopAsyncIteration:
            raise
        except Exception:  # noqa: BLE001  the head is sent: only an event can say it now
            _log.exception("a stream failed")
            return self._failed("InternalStreamFailure", "Sagewright failed to hand on the answer. Try again.")

    async def aclose(self) -> None:
        self._ended = True
        await self._rest.aclose()

    def _failed(self, kind: str, message: str, **more: str) -> bytes:
        self._ended = True
        return eventstream.exception(kind, orjson.dumps({"Message": message, **more}))
