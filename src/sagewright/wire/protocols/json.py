"""AWS JSON 1.0 and 1.1: `POST /`, the operation in `X-Amz-Target`, JSON both ways.

Format: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html. Times are epoch seconds as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel

from sagewright.base.errors import AwsError
from sagewright.wire.http import Request, Response
from sagewright.wire.protocols.base import Protocol, message_member, unknown_operation
from sagewright.wire.protocols.json_body import Convert, JsonCodec, dumps, loads, serialization_error


class JsonProtocol(Protocol):
    """`json`, in the version that the model's metadata names."""

    name = "json"

    def __init__(self, service_model: ServiceModel) -> None:
        super().__init__(service_model)
        metadata = service_model.metadata
        self._content_type = f"application/x-amz-json-{metadata.get('jsonVersion', '1.1')}"
        self._prefix = f"{metadata.get('targetPrefix', '')}."
        self._query_compatible = "awsQueryCompatible" in metadata
        self._codec = self._make_codec()
        self._parsers: dict[str, Convert | None] = {}
        self._writers: dict[str, Convert | None] = {}

    def _make_codec(self) -> JsonCodec:
        return JsonCodec()

    def operation_name(self, request: Request, service_model: ServiceModel) -> str:
        target = request.headers.get("x-amz-target", "")
        name = target[len(self._prefix) :]
        if not target.startswith(self._prefix) or name not in self.operations:
            raise unknown_operation(target)
        return name

    def parse(self, request: Request, operation_model: OperationModel) -> dict[str, Any]:
        name = operation_model.name
        try:
            decode = self._parsers[name]
        except KeyError:
            shape = operation_model.input_shape
            decode = self._parsers[name] = None if shape is None else self._codec.decoder(shape)
        document = loads(request.body)
        if decode is None:
            return {}
        try:
            params: dict[str, Any] = decode(document)
        except RecursionError:
            raise serialization_error("The request body is nested too deeply") from None
        return params

    def serialize(self, result: Mapping[str, Any], operation_model: OperationModel, request_id: str) -> Response:
        name = operation_model.name
        try:
            encode = self._writers[name]
        except KeyError:
            shape = operation_model.output_shape
            encode = self._writers[name] = None if shape is None else self._codec.encoder(shape)
        headers = {"Content-Type": self._content_type, "x-amzn-RequestId": request_id}
        return Response(200, headers, b"" if encode is None else dumps(encode(result)))

    def serialize_error(
        self,
        error: AwsError,
        service_model: ServiceModel,
        operation_model: OperationModel | None,
        request_id: str,
    ) -> Response:
        shape = self.error_shapes.get(error.code)
        code = error.code if shape is None else shape.name
        fields = {} if shape is None else self._codec.encoder(shape)(error.fields)
        body = {"__type": code, message_member(shape): error.message, **fields}
        headers = {
            "Content-Type": self._content_type,
            "x-amzn-RequestId": request_id,
            "x-amzn-ErrorType": code,
            **error.headers,
        }
        status = self.error_status(error)
        if self._query_compatible:
            # Clients of a service that once spoke query still get the codes of that time.
            fault = "Receiver" if status >= 500 else "Sender"
            headers["x-amzn-query-error"] = f"{self.wire_code(error)};{fault}"
        return Response(status, headers, dumps(body))
