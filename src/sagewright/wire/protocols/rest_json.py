"""AWS REST JSON 1: methods and URIs, members bound to headers and the rest in a JSON body.

Format: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from sagewright.base.errors import AwsError
from sagewright.wire.http import Request, Response
from sagewright.wire.protocols.base import message_member, unknown_operation
from sagewright.wire.protocols.json_body import JsonCodec, dumps, loads
from sagewright.wire.protocols.rest import RestProtocol

_CONTENT_TYPE = "application/json"


class RestJsonProtocol(RestProtocol):
    """`rest-json`."""

    name = "rest-json"

    def __init__(self, service_model: ServiceModel) -> None:
        super().__init__(service_model)
        self._codec = JsonCodec()

    def operation_name(self, request: Request, service_model: ServiceModel) -> str:
        name = self.router.match(request)
        if name is None:
            raise unknown_operation()
        return name

    def body_reader(self, shape: Shape) -> Callable[[bytes], Any]:
        decode = self._codec.decoder(shape)
        unbound = _unbound(shape)
        if unbound is None:
            return lambda body: decode(loads(body))

        def read(body: bytes) -> Any:
            # A body must not fill what belongs to the URI or to a header.
            return {name: value for name, value in decode(loads(body)).items() if name in unbound}

        return read

    def body_writer(self, shape: Shape) -> Callable[[Any], bytes]:
        encode = self._codec.encoder(shape)
        unbound = _unbound(shape)
        if unbound is None:
            return lambda value: dumps(encode(value))
        return lambda value: dumps(encode({k: v for k, v in value.items() if k in unbound}))

    def body_type(self, shape: Shape) -> str:
        return _CONTENT_TYPE

    def serialize(self, result: Mapping[str, Any], operation_model: OperationModel, request_id: str) -> Response:
        status = int(operation_model.http.get("responseCode", 200))
        response = Response(status, {"x-amzn-RequestId": request_id})
        shape = operation_model.output_shape
        if shape is None:
            if status != 204:
                response.headers["Content-Type"] = _CONTENT_TYPE
                response.body = b"{}"
            return response
        return self.respond(result, shape, response)

    def serialize_error(
        self,
        error: AwsError,
        service_model: ServiceModel,
        operation_model: OperationModel | None,
        request_id: str,
    ) -> Response:
        shape = self.error_shapes.get(error.code)
        code = error.code if shape is None else shape.name
        headers = {"x-amzn-RequestId": request_id, "x-amzn-errortype": code, "Content-Type": _CONTENT_TYPE}
        response = Response(self.error_status(error), headers)
        fields = {message_member(shape): error.message, **error.fields}
        if isinstance(shape, StructureShape):
            self.respond(fields, shape, response)
            response.headers["Content-Type"] = _CONTENT_TYPE
        if shape is None or message_member(shape) not in getattr(shape, "members", {}):
            response.body = dumps({"message": error.message})
        response.headers.update(error.headers)
        return response


def _unbound(shape: Shape) -> frozenset[str] | None:
    """The members that live in the body, or None where all do."""
    if not isinstance(shape, StructureShape):
        return None
    names = frozenset(n for n, m in shape.members.items() if "location" not in m.serialization)
    return None if len(names) == len(shape.members) else names
