"""Smithy RPC v2 CBOR: `POST /service/{service}/operation/{operation}`, CBOR both ways.

Format: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html. CloudWatch lists it first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from sagewright.base.errors import AwsError
from sagewright.wire.http import Request, Response
from sagewright.wire.protocols import times
from sagewright.wire.protocols.base import Protocol, message_member, unknown_operation
from sagewright.wire.protocols.cbor_body import Tagged, decode, encode
from sagewright.wire.protocols.json_body import Convert, JsonCodec, mismatch, serialization_error

_CONTENT_TYPE: Final = "application/cbor"
_EPOCH: Final = 1


class CborCodec(JsonCodec):
    """JSON's names and structures, with bytes as they are and times under a tag."""

    def _decode(self, shape: Shape) -> Convert:
        return _bytes if shape.type_name == "blob" else super()._decode(shape)

    def _encode(self, shape: Shape) -> Convert:
        match shape.type_name:
            case "timestamp":
                return lambda moment: Tagged(_EPOCH, times.number(moment))
            case "blob":
                return lambda value: value.encode() if isinstance(value, str) else bytes(value)
            case "float" | "double":
                return float
        return super()._encode(shape)


class CborProtocol(Protocol):
    """`smithy-rpc-v2-cbor`."""

    name = "smithy-rpc-v2-cbor"

    def __init__(self, service_model: ServiceModel) -> None:
        super().__init__(service_model)
        self._codec = CborCodec()
        self._query_compatible = "awsQueryCompatible" in service_model.metadata

    def operation_name(self, request: Request, service_model: ServiceModel) -> str:
        parts = request.path.split("/")
        if len(parts) < 4 or parts[-4] != "service" or parts[-2] != "operation" or parts[-1] not in self.operations:
            raise unknown_operation(parts[-1][:200])
        return parts[-1]

    def parse(self, request: Request, operation_model: OperationModel) -> dict[str, Any]:
        shape = operation_model.input_shape
        if shape is None:
            return {}
        document = decode(request.body) if request.body else {}
        try:
            params: dict[str, Any] = self._codec.decoder(shape)(document)
        except RecursionError:
            raise serialization_error("The request body is nested too deeply") from None
        return params

    def serialize(self, result: Mapping[str, Any], operation_model: OperationModel, request_id: str) -> Response:
        shape = operation_model.output_shape
        if shape is None:  # no output, no document
            return Response(200, {"smithy-protocol": "rpc-v2-cbor", "x-amzn-RequestId": request_id})
        return Response(200, self._headers(request_id), encode(self._codec.encoder(shape)(result)))

    def serialize_error(
        self,
        error: AwsError,
        service_model: ServiceModel,
        operation_model: OperationModel | None,
        request_id: str,
    ) -> Response:
        shape = self.error_shapes.get(error.code)
        code = error.code if shape is None else shape.name
        fields = self._codec.encoder(shape)(error.fields) if isinstance(shape, StructureShape) else {}
        headers = {**self._headers(request_id), **error.headers}
        status = self.error_status(error)
        if self._query_compatible:
            fault = "Receiver" if status >= 500 else "Sender"
            headers["x-amzn-query-error"] = f"{self.wire_code(error)};{fault}"
        return Response(status, headers, encode({"__type": code, message_member(shape): error.message, **fields}))

    def _headers(self, request_id: str) -> dict[str, str]:
        return {"Content-Type": _CONTENT_TYPE, "smithy-protocol": "rpc-v2-cbor", "x-amzn-RequestId": request_id}


def _bytes(value: Any) -> bytes:
    if type(value) is not bytes:
        raise mismatch(value, "blob")
    return value
