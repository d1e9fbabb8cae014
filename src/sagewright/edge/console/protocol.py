"""How the console speaks: every service in JSON, its members named as boto3 names them.

    POST …/api/<service>/<Operation>     the members as a JSON object; the answer's likewise

Blobs are base64. Where the model says that a blob is the whole body (an object of S3, an endpoint's prediction), the
answer's body is that blob, and the header `x-sagewright-members` has the rest, as percent-encoded JSON; a request may
do the same, and must where the body streams.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final
from urllib.parse import quote, unquote

from botocore.model import OperationModel, ServiceModel, Shape

from sagewright.wire import model
from sagewright.wire.http import Request, Response
from sagewright.wire.protocols.json import JsonProtocol
from sagewright.wire.protocols.json_body import JsonCodec

MEMBERS: Final = "x-sagewright-members"


class _Codec(JsonCodec):
    """Members have their own names, whatever they are called in the service's protocol."""

    def _label(self, name: str, member: Shape) -> str:
        return name


class ConsoleProtocol(JsonProtocol):
    """One service's; see `spoken`."""

    name = "console"

    def _make_codec(self) -> JsonCodec:
        return _Codec()

    def parse(self, request: Request, operation_model: OperationModel) -> dict[str, Any]:
        members = request.headers.get(MEMBERS)
        if members is None:
            return super().parse(request, operation_model)
        params = super().parse(replace(request, body=unquote(members).encode()), operation_model)
        payload = _payload(operation_model.input_shape)
        if payload is not None:
            params[payload] = request.body
        return params

    def serialize(self, result: Mapping[str, Any], operation_model: OperationModel, request_id: str) -> Response:
        payload = _payload(operation_model.output_shape)
        if payload is None:
            return super().serialize(result, operation_model, request_id)
        rest = {name: value for name, value in result.items() if name != payload}
        response = super().serialize(rest, operation_model, request_id)
        assert isinstance(response.body, bytes)
        response.headers[MEMBERS] = quote(response.body)
        # Never what its owner calls it: no browser shall make a page of it.
        response.headers["Content-Type"] = "application/octet-stream"
        response.body = result.get(payload, b"")
        return response


@cache
def spoken(service: str) -> tuple[ServiceModel, ConsoleProtocol]:
    """A service's model, and the way to speak it. `service` is one of `wire.model.SERVICES`."""
    service_model = model.service(service)
    return service_model, ConsoleProtocol(service_model)


def streams_events(operation: OperationModel) -> bool:
    """Whether its answer or its request is a stream of events, which JSON does not have."""
    return operation.has_event_stream_output or operation.has_event_stream_input


def _payload(shape: Shape | None) -> str | None:
    """The member that is the whole body, if that is a blob."""
    if shape is None:
        return None
    name: str | None = shape.serialization.get("payload")
    members: Mapping[str, Shape] = getattr(shape, "members", {})
    return name if name is not None and members[name].type_name == "blob" else None
