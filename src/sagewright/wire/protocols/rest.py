"""What the REST protocols share: members bound to URI, query, headers and status; payload members.

Bindings: https://smithy.io/2.0/spec/http-bindings.html. Subclasses say how a body document is read and
written.
"""

from __future__ import annotations

import binascii
from abc import abstractmethod
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

import orjson
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

from sagewright.wire.http import Request, Response
from sagewright.wire.protocols.base import Protocol
from sagewright.wire.protocols.json_body import serialization_error
from sagewright.wire.protocols.routing import Router
from sagewright.wire.protocols.scalars import FROM_TEXT, to_text

Reader = Callable[[Request, dict[str, Any]], None]
"""Takes its members out of a request and puts them into the input."""
Writer = Callable[[Mapping[str, Any], Response], None]
"""Puts its members of the output where they belong in the response."""

_BODY_TYPES: Final = frozenset({"string", "blob"})


class RestProtocol(Protocol):
    """The REST half of rest-json and rest-xml."""

    def __init__(self, service_model: ServiceModel) -> None:
        super().__init__(service_model)
        self._router: Router | None = None
        self._readers: dict[str, list[Reader]] = {}
        self._writers: dict[tuple[str, Any], list[Writer]] = {}

    @property
    def router(self) -> Router:
        if self._router is None:
            self._router = Router(self.service_model)
        return self._router

    def parse(self, request: Request, operation_model: OperationModel) -> dict[str, Any]:
        readers = self._readers.get(operation_model.name)
        if readers is None:
            readers = self._readers[operation_model.name] = self._build_readers(operation_model)
        params: dict[str, Any] = {}
        try:
            for read in readers:
                read(request, params)
        except RecursionError:
            raise serialization_error("The request body is nested too deeply") from None
        return params

    def respond(self, result: Mapping[str, Any], shape: StructureShape, response: Response) -> Response:
        """Writes `result` as `shape` into the response; used for outputs and for errors."""
        key = shape.name, shape.serialization.get("name")
        writers = self._writers.get(key)
        if writers is None:
            writers = self._writers[key] = self._build_writers(shape)
        for write in writers:
            write(result, response)
        return response

    @abstractmethod
    def body_reader(self, shape: Shape) -> Callable[[bytes], Any]:
        """The reader of a body document; for a structure only the members that are bound to nothing else."""

    @abstractmethod
    def body_writer(self, shape: Shape) -> Callable[[Any], bytes]:
        """Its counterpart for responses."""

    @abstractmethod
    def body_type(self, shape: Shape) -> str:
        """The content type of a body document."""

    def _build_readers(self, operation: OperationModel) -> list[Reader]:
        shape = operation.input_shape
        if shape is None:
            return []
        readers: list[Reader] = []
        template = str(operation.http["requestUri"])
        queries: dict[str, tuple[str, Shape]] = {}
        headers: dict[str, tuple[str, Shape]] = {}
        bound = set()
        for name, member in shape.members.items():
            wire = str(member.serialization.get("name", name))
            match member.serialization.get("location"):
                case "uri":
                    readers.append(_label_reader(template, wire, name, text_decoder(member)))
                case "querystring":
                    queries[wire] = (name, member)
                case "header":
                    headers[wire.lower()] = name, member
                case "headers":
                    readers.append(_prefix_reader(wire.lower(), name))
                case _:
                    continue
            bound.add(name)
        if headers:
            readers.append(_header_reader(headers))
        if queries:
            readers.append(_query_reader(queries, str(template.partition("?")[2])))
        payload = shape.serialization.get("payload")
        if payload is not None:
            readers.append(self._payload_reader(str(payload), shape.members[str(payload)]))
        elif bound != set(shape.members):
            readers.append(_document_reader(self.body_reader(shape)))
        return readers

    def _payload_reader(self, name: str, shape: Shape) -> Reader:
        if shape.serialization.get("eventstream"):
            return lambda request, params: params.__setitem__(name, request.body)
        if shape.type_name in _BODY_TYPES:
            as_text = shape.type_name == "string"

            def read_raw(request: Request, params: dict[str, Any]) -> None:
                body = request.body
                if as_text and body == b"":
                    return
                params[name] = _utf8(body) if as_text and isinstance(body, bytes) else body

            return read_raw
        read = self.body_reader(shape)

        def read_document(request: Request, params: dict[str, Any]) -> None:
            if request.body:
                params[name] = read(request.body)

        return read_document

    def _build_writers(self, shape: StructureShape) -> list[Writer]:
        writers: list[Writer] = []
        bound = set()
        for name, member in shape.members.items():
            wire = str(member.serialization.get("name", name))
            match member.serialization.get("location"):
                case "statusCode":
                    writers.append(_status_writer(name))
                case "header":
                    writers.append(_header_writer(wire, name, header_encoder(member)))
                case "headers":
                    writers.append(_prefix_writer(wire, name))
                case _:
                    continue
            bound.add(name)
        payload = shape.serialization.get("payload")
        if payload is not None:
            writers.append(self._payload_writer(str(payload), shape.members[str(payload)]))
        elif bound != set(shape.members):
            write, content_type = self.body_writer(shape), self.body_type(shape)

            def write_document(result: Mapping[str, Any], response: Response) -> None:
                response.headers.setdefault("Content-Type", content_type)
                response.body = write(result)

            writers.append(write_document)
        return writers

    def _payload_writer(self, name: str, shape: Shape) -> Writer:
        raw = shape.type_name in _BODY_TYPES or bool(shape.serialization.get("eventstream"))
        write = bytes if raw else self.body_writer(shape)
        content_type = "application/octet-stream" if raw else self.body_type(shape)
        if shape.serialization.get("eventstream"):
            content_type = "application/vnd.amazon.eventstream"

        def write_payload(result: Mapping[str, Any], response: Response) -> None:
            value = result.get(name)
            if value is None:
                return
            response.headers.setdefault("Content-Type", content_type)
            if isinstance(value, str):
                response.body = value.encode()
            elif isinstance(value, (bytes, AsyncIterator)) or raw:
                response.body = value
            else:
                response.body = write(value)

        return write_payload


def _label_reader(template: str, wire: str, name: str, decode: Callable[[str], Any]) -> Reader:
    segments = template.partition("?")[0].split("/")
    greedy = f"{{{wire}+}}" in segments
    index = segments.index(f"{{{wire}+}}" if greedy else f"{{{wire}}}")

    def read(request: Request, params: dict[str, Any]) -> None:
        parts = request.path.split("/", index if greedy else index + 1)
        if len(parts) > index and parts[index]:
            params[name] = decode(unquote(parts[index]))

    return read


def _query_reader(queries: dict[str, tuple[str, Shape]], literal: str) -> Reader:
    literals = {pair.partition("=")[0] for pair in literal.split("&")}
    table: dict[str, tuple[str, bool, Callable[[str], Any]]] = {}
    rest: str | None = None
    for wire, (name, shape) in queries.items():
        if shape.type_name == "map":
            rest = name
        elif isinstance(shape, ListShape):
            table[wire] = (name, True, text_decoder(shape.member))
        else:
            table[wire] = (name, False, text_decoder(shape))

    def read(request: Request, params: dict[str, Any]) -> None:
        if not request.query:
            return
        for pair in request.query.split("&"):
            key, _, value = pair.partition("=")
            key = unquote_plus(key)
            entry = table.get(key)
            if entry is not None:
                name, many, decode = entry
                if many:
                    params.setdefault(name, []).append(decode(unquote_plus(value)))
                elif name not in params:
                    params[name] = decode(unquote_plus(value))
            elif rest is not None and key and key not in literals:
                params.setdefault(rest, {})[key] = unquote_plus(value)

    return read


def _header_reader(headers: dict[str, tuple[str, Shape]]) -> Reader:
    table = [(wire, name, header_decoder(shape)) for wire, (name, shape) in headers.items()]

    def read(request: Request, params: dict[str, Any]) -> None:
        found = request.headers
        for wire, name, decode in table:
            if wire in found:
                params[name] = decode(found[wire])

    return read


def _prefix_reader(prefix: str, name: str) -> Reader:
    def read(request: Request, params: dict[str, Any]) -> None:
        found = {key[len(prefix) :]: v for key, v in request.headers.items() if key.startswith(prefix)}
        if found:
            params[name] = found

    return read


def _document_reader(read: Callable[[bytes], Any]) -> Reader:
    def fill(request: Request, params: dict[str, Any]) -> None:
        if request.body:
            params.update(read(request.body))

    return fill


def _status_writer(name: str) -> Writer:
    def write(result: Mapping[str, Any], response: Response) -> None:
        if result.get(name) is not None:
            response.status = int(result[name])

    return write


def _header_writer(wire: str, name: str, encode: Callable[[Any], str]) -> Writer:
    # `Content-Type` is the one header that we also set ourselves: it must stay a single key.
    wire = "Content-Type" if wire.lower() == "content-type" else wire

    def write(result: Mapping[str, Any], response: Response) -> None:
        value = result.get(name)
        if value is not None:
            response.headers[wire] = encode(value)

    return write


def _prefix_writer(prefix: str, name: str) -> Writer:
    def write(result: Mapping[str, Any], response: Response) -> None:
        for key, value in (result.get(name) or {}).items():
            response.headers[prefix + key] = value

    return write


def text_decoder(shape: Shape) -> Callable[[str], Any]:
    """Text from a URI, a query or a header → the shape's Python value; raises `SerializationException`."""
    convert = FROM_TEXT.get(shape.type_name, str)

    def decode(text: str) -> Any:
        try:
            return convert(text)
        except ValueError as exc:
            shown = text[:100]
            raise serialization_error(f"{shown!r} can not be converted to {shape.type_name}") from exc

    return decode


def header_decoder(shape: Shape) -> Callable[[str], Any]:
    """As `text_decoder`, plus comma-separated lists and JSON in base64."""
    if isinstance(shape, ListShape):
        member = text_decoder(shape.member)
        dates = shape.member.type_name == "timestamp"
        return lambda text: [member(item) for item in _split(text, dates)]
    if shape.serialization.get("jsonvalue"):
        return _decode_json_value
    return text_decoder(shape)


def header_encoder(shape: Shape) -> Callable[[Any], str]:
    """The value of a response header."""
    if isinstance(shape, ListShape):
        member = header_encoder(shape.member)
        if shape.member.type_name == "string":
            return lambda values: ",".join(_quote(str(value)) for value in values)
        return lambda values: ",".join(member(value) for value in values)
    if shape.serialization.get("jsonvalue"):
        return lambda value: b64encode(orjson.dumps(value)).decode()
    return to_text(shape, "rfc822")


def _decode_json_value(text: str) -> Any:
    try:
        return orjson.loads(b64decode(text, validate=True))
    except (binascii.Error, orjson.JSONDecodeError) as exc:
        raise serialization_error("A header value is not base64-encoded JSON") from exc


def _split(text: str, dates: bool) -> list[str]:
    """The items of a header list: quoted strings may hold commas, and every HTTP date holds one."""
    if dates:
        parts = text.split(",")
        return [",".join(parts[i : i + 2]).strip() for i in range(0, len(parts), 2)]
    if '"' not in text:
        return [item.strip() for item in text.split(",")] if text else []
    items, current, quoted, escaped = [], "", False, False
    for char in text:
        if escaped:
            current, escaped = current + char, False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            items.append(current.strip())
            current = ""
        else:
            current += char
    return [*items, current.strip()]


def _quote(value: str) -> str:
    if '"' not in value and "," not in value:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _utf8(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as exc:
        raise serialization_error("The request body is not UTF-8") from exc
