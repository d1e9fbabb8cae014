"""REST XML, which of our services only S3 speaks; its own habits are told apart by `_s3`.

Format: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from sagewright.base.errors import AwsError
from sagewright.wire.http import Request, Response
from sagewright.wire.protocols.base import unknown_operation
from sagewright.wire.protocols.rest import RestProtocol
from sagewright.wire.protocols.xml_body import DECLARATION, XmlCodec, escape, load

_CONTENT_TYPE: Final = "application/xml"
# Operations whose output's only member is the document itself.
_UNWRAPPED: Final = {"GetBucketLocation": "LocationConstraint"}
_NO_BODY: Final = frozenset({204, 304})


class RestXmlProtocol(RestProtocol):
    """`rest-xml`."""

    name = "rest-xml"

    def __init__(self, service_model: ServiceModel) -> None:
        super().__init__(service_model)
        self._s3 = service_model.service_name == "s3"
        # S3 writes milliseconds even where they are zero.
        self._codec = XmlCodec("iso8601-millis" if self._s3 else "iso8601")
        space = service_model.metadata.get("xmlNamespace")
        self._namespace = f' xmlns="{space}"' if space else ""

    def operation_name(self, request: Request, service_model: ServiceModel) -> str:
        request = _unhoisted(request)
        name = self.router.match(request)
        if name is not None:
            return name
        if not self._s3:
            raise unknown_operation()
        raise AwsError(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            status=405,
            fields={"Method": request.method},
        )

    def parse(self, request: Request, operation_model: OperationModel) -> dict[str, Any]:
        return super().parse(_unhoisted(request), operation_model)

    def body_reader(self, shape: Shape) -> Callable[[bytes], Any]:
        read = self._codec.reader(shape)
        return lambda body: read([load(body)])

    def body_writer(self, shape: Shape) -> Callable[[Any], bytes]:
        write = self._codec.writer(shape)
        root = str(shape.serialization.get("name", shape.name))

        def document(value: Any) -> bytes:
            out: list[str] = []
            write(out, root, value)
            # The root carries the service's namespace; the writer has opened it without one.
            out[0] = out[0].replace(f"<{root}", f"<{root}{self._namespace}", 1)
            return (DECLARATION + "".join(out)).encode()

        return document

    def body_type(self, shape: Shape) -> str:
        return _CONTENT_TYPE

    def serialize(self, result: Mapping[str, Any], operation_model: OperationModel, request_id: str) -> Response:
        response = Response(int(operation_model.http.get("responseCode", 200)), self._ids(request_id))
        member = _UNWRAPPED.get(operation_model.name) if self._s3 else None
        if member is not None:
            text = escape(str(result.get(member) or ""))
            response.headers["Content-Type"] = _CONTENT_TYPE
            response.body = f"{DECLARATION}<{member}{self._namespace}>{text}</{member}>".encode()
            return response
        shape = operation_model.output_shape
        return response if shape is None else self.respond(result, shape, response)

    def serialize_error(
        self,
        error: AwsError,
        service_model: ServiceModel,
        operation_model: OperationModel | None,
        request_id: str,
    ) -> Response:
        headers = self._ids(request_id)
        response = Response(self.error_status(error), {**headers, **error.headers})
        head = operation_model is not None and operation_model.http.get("method") == "HEAD"
        if head or response.status in _NO_BODY:
            return response
        parts = [f"<Code>{escape(self.wire_code(error))}</Code><Message>{escape(error.message)}</Message>"]
        parts += self._fields(error)
        if self._s3:
            host = headers["x-amz-id-2"]
            ids = f"<RequestId>{escape(request_id)}</RequestId><HostId>{host}</HostId>"
            text = f"<Error>{''.join(parts)}{ids}</Error>"
        else:
            kind = "Receiver" if response.status >= 500 else "Sender"
            text = (
                f"<ErrorResponse{self._namespace}><Error><Type>{kind}</Type>{''.join(parts)}</Error>"
                f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
            )
        response.headers["Content-Type"] = _CONTENT_TYPE
        response.body = (DECLARATION + text).encode()
        return response

    def _fields(self, error: AwsError) -> list[str]:
        """The error's further elements: as its shape writes them, or as they are (S3 models few of its own)."""
        shape = self.error_shapes.get(error.code)
        members = shape.members if isinstance(shape, StructureShape) else {}
        out: list[str] = []
        for name, value in error.fields.items():
            if name in members:
                tag = str(members[name].serialization.get("name", name))
                self._codec.writer(members[name])(out, tag, value)
            else:
                out.append(f"<{name}>{escape(str(value))}</{name}>")
        return out

    def _ids(self, request_id: str) -> dict[str, str]:
        if not self._s3:
            return {"x-amzn-RequestId": request_id}
        host = b64encode(hashlib.sha256(request_id.encode()).digest()).decode()
        return {"x-amz-request-id": request_id, "x-amz-id-2": host}


def _unhoisted(request: Request) -> Request:
    """Presigners move `x-amz-…` headers into the query; S3 reads them there as if they had been sent."""
    if "x-amz-" not in request.query:
        return request
    headers = dict(request.headers)
    for pair in request.query.split("&"):
        name, _, value = pair.partition("=")
        if name.startswith("x-amz-"):
            headers.setdefault(unquote(name).lower(), unquote(value))
    return Request(request.method, request.path, request.query, headers, request.body)
