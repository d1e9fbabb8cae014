"""InvokeEndpoint: the hot path. Hand the body to a warm model server and its answer back, both unread."""

from __future__ import annotations

from typing import Any, Final

from sagewright.dataplane.inference.sessions import CLOSED, OPENED
from sagewright.operations.call import Call, Params
from sagewright.operations.runtime.asking import answered, asked
from sagewright.operations.table import Operations

operations = Operations()

# Headers of a container's answer that go to the client, and the member that each becomes.
_HANDED_ON: Final = (
    ("content-type", "ContentType"),
    ("x-amzn-sagemaker-custom-attributes", "CustomAttributes"),
    (OPENED, "NewSessionId"),
    (CLOSED, "ClosedSessionId"),
)


@operations
async def invoke_endpoint(call: Call, request: Params) -> Params:
    invoked = await answered(call, request["EndpointName"], asked(call, request))
    headers = invoked.reply.headers
    result: dict[str, Any] = {"Body": invoked.reply.body, "InvokedProductionVariant": invoked.variant.name}
    for header, member in _HANDED_ON:
        if header in headers:
            result[member] = headers[header]
    return result
