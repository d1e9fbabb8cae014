"""AWS query and EC2 query: a form with dotted names in, XML out.

Formats: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html and …/aws-ec2-query-protocol.html.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from sagewright.base.errors import AwsError
from sagewright.wire.http import Request, Response
from sagewright.wire.protocols.base import Protocol
from sagewright.wire.protocols.json_body import serialization_error
from sagewright.wire.protocols.scalars import FROM_TEXT
from sagewright.wire.protocols.xml_body import XmlCodec, escape

_CONTENT_TYPE: Final = "text/xml"
_MOST: Final = 20_000
"""Parameters in one form; AWS's own limits on lists are far below."""
_DEEPEST: Final = 60


class Tree(dict[str, "Tree"]):
    """Dotted parameter names as a tree; `text` is the value that stood at this name."""

    __slots__ = ("text",)

    def __init__(self) -> None:
        super().__init__()
        self.text: str | None = None


Decode = Callable[[Tree], Any]


class QueryProtocol(Protocol):
    """`query`: STS, IAM, SNS, CloudFormation, and CloudWatch for older clients."""

    name = "query"

    def __init__(self, service_model: ServiceModel) -> None:
        super().__init__(service_model)
        self._version = str(service_model.metadata.get("apiVersion", ""))
        space = service_model.metadata.get("xmlNamespace")
        self._namespace = f' xmlns="{space}"' if space else ""
        self._codec = XmlCodec()
        self._decoders: dict[tuple[str, ...], Decode] = {}
        self._lock = threading.RLock()

    def operation_name(self, request: Request, service_model: ServiceModel) -> str:
        form = dict(parameters(request))
        name = form.get("Action", "")
        if not name:
            raise AwsError("MissingAction", "The request is missing an Action parameter.")
        if name not in self.operations:
            version = form.get("Version", self._version)
            raise AwsError("InvalidAction", f"Could not find operation {name[:200]} for version {version[:50]}")
        return name

    def parse(self, request: Request, operation_model: OperationModel) -> dict[str, Any]:
        shape = operation_model.input_shape
        if shape is None:
            return {}
        params: dict[str, Any] = self._decoder(shape)(_tree(parameters(request)))
        return params

    def serialize(self, result: Mapping[str, Any], operation_model: OperationModel, request_id: str) -> Response:
        name = operation_model.name
        out = [f"<{name}Response{self._namespace}>"]
        shape = operation_model.output_shape
        if shape is not None:
            wrapper = str(shape.serialization.get("resultWrapper", f"{name}Result"))
            self._codec.writer(shape)(out, wrapper, result)
        out.append(f"<ResponseMetadata><RequestId>{escape(request_id)}</RequestId></ResponseMetadata>")
        out.append(f"</{name}Response>")
        return self._response(200, request_id, out)

    def serialize_error(
        self,
        error: AwsError,
        service_model: ServiceModel,
        operation_model: OperationModel | None,
        request_id: str,
    ) -> Response:
        status = self.error_status(error)
        kind = "Receiver" if status >= 500 else "Sender"
        out = [f"<ErrorResponse{self._namespace}><Error><Type>{kind}</Type>", *self._inside(error), "</Error>"]
        out.append(f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>")
        response = self._response(status, request_id, out)
        response.headers.update(error.headers)
        return response

    def _inside(self, error: AwsError) -> list[str]:
        """Code, message and the modelled fields."""
        out = [f"<Code>{escape(self.wire_code(error))}</Code><Message>{escape(error.message)}</Message>"]
        shape = self.error_shapes.get(error.code)
        members = shape.members if isinstance(shape, StructureShape) else {}
        for name, value in error.fields.items():
            if name in members:
                self._codec.writer(members[name])(out, str(members[name].serialization.get("name", name)), value)
        return out

    def _response(self, status: int, request_id: str, out: list[str]) -> Response:
        headers = {"Content-Type": _CONTENT_TYPE, "x-amzn-RequestId": request_id}
        return Response(status, headers, "".join(out).encode())

    def _decoder(self, shape: Shape) -> Decode:
        key = shape.name, str(shape.serialization.get("flattened"))

        # A shape may contain itself: while it is being built, its inner self is looked up at call time.
        def stand_in(tree: Tree) -> Any:
            return self._decoders[key](tree)

        with self._lock:
            if key not in self._decoders:
                self._decoders[key] = stand_in
                self._decoders[key] = self._build(shape)
            return self._decoders[key]

    def _build(self, shape: Shape) -> Decode:
        if isinstance(shape, StructureShape):
            return self._structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        return _scalar(shape)

    def _structure(self, shape: StructureShape) -> Decode:
        members: dict[str, tuple[str, Decode]] = {}
        for name, member in shape.members.items():
            for wire in self.member_names(member, name):
                members.setdefault(wire, (name, self._decoder(member)))

        def decode(tree: Tree) -> dict[str, Any]:
            out = {}
            for wire, inner in tree.items():
                entry = members.get(wire)
                if entry is not None:
                    out[entry[0]] = entry[1](inner)
            return out

        return decode

    def _list(self, shape: ListShape) -> Decode:
        member = self._decoder(shape.member)
        between = self.item_name(shape)

        def decode(tree: Tree) -> list[Any]:
            items = tree if between is None else tree.get(between, tree)
            return [member(items[index]) for index in _numbered(items)]

        return decode

    def _map(self, shape: MapShape) -> Decode:
        flattened = bool(shape.serialization.get("flattened"))
        key_name = str(shape.key.serialization.get("name", "key"))
        value_name = str(shape.value.serialization.get("name", "value"))
        key, value = self._decoder(shape.key), self._decoder(shape.value)

        def decode(tree: Tree) -> dict[str, Any]:
            entries = tree if flattened else tree.get("entry", tree)
            out = {}
            for index in _numbered(entries):
                entry = entries[index]
                if key_name in entry:
                    out[key(entry[key_name])] = value(entry.get(value_name, Tree()))
            return out

        return decode

    def member_names(self, member: Shape, name: str) -> tuple[str, ...]:
        """The parameter names under which a structure's member may come."""
        wire = str(member.serialization.get("name", name))
        if isinstance(member, ListShape) and member.serialization.get("flattened"):
            return str(member.member.serialization.get("name", wire)), wire
        return (wire,)

    def item_name(self, shape: ListShape) -> str | None:
        """What stands between a list's name and an item's number; None where nothing does."""
        if shape.serialization.get("flattened"):
            return None
        return str(shape.member.serialization.get("name", "member"))


class Ec2Protocol(QueryProtocol):
    """`ec2`: the same form with capitalised names and flat lists; answers without a wrapper."""

    name = "ec2"

    def member_names(self, member: Shape, name: str) -> tuple[str, ...]:
        traits = member.serialization
        if "queryName" in traits:
            return (str(traits["queryName"]),)
        wire = str(traits.get("name", name))
        return (wire[:1].upper() + wire[1:] if "name" in traits else wire,)

    def item_name(self, shape: ListShape) -> str | None:
        return None

    def serialize(self, result: Mapping[str, Any], operation_model: OperationModel, request_id: str) -> Response:
        root = f"{operation_model.name}Response"
        out: list[str] = []
        shape = operation_model.output_shape
        if shape is None:
            out = [f"<{root}>", f"</{root}>"]
        else:
            self._codec.writer(shape)(out, root, result)
        out[0] = f"<{root}{self._namespace}><requestId>{escape(request_id)}</requestId>"
        return self._response(200, request_id, out)

    def serialize_error(
        self,
        error: AwsError,
        service_model: ServiceModel,
        operation_model: OperationModel | None,
        request_id: str,
    ) -> Response:
        out = ["<Response><Errors><Error>", *self._inside(error), "</Error></Errors>"]
        out.append(f"<RequestID>{escape(request_id)}</RequestID></Response>")
        response = self._response(self.error_status(error), request_id, out)
        response.headers.update(error.headers)
        return response


def parameters(request: Request) -> list[tuple[str, str]]:
    """The parameters of a query request: those of its query string, then those of its form."""
    body = request.body if isinstance(request.body, bytes) else b""
    try:
        text = "&".join(part for part in (request.query, body.decode()) if part)
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST, errors="strict")
    except ValueError as exc:  # too many fields, or no UTF-8
        raise serialization_error("The request body is not a form that can be read") from exc


def _tree(pairs: list[tuple[str, str]]) -> Tree:
    root = Tree()
    for name, value in pairs:
        node = root
        for part in name.split(".", _DEEPEST):
            node = node.setdefault(part, Tree())
        node.text = value
    return root


def _numbered(tree: Tree) -> list[str]:
    """The children that are items of a list, in the order of their numbers: they need not be consecutive."""
    return sorted((k for k in tree if k.isascii() and k.isdigit() and len(k) < 10), key=int)


def _scalar(shape: Shape) -> Decode:
    convert = FROM_TEXT.get(shape.type_name)
    if convert is None:
        return lambda tree: tree.text or ""

    def decode(tree: Tree) -> Any:
        text = tree.text or ""
        try:
            return convert(text)
        except ValueError as exc:
            shown = text[:100]
            raise AwsError("MalformedInput", f"{shown!r} is not a valid {shape.type_name}") from exc

    return decode
