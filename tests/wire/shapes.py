"""Hypothesis strategies grown from botocore's shapes, and botocore's serializers and parsers to compare with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from botocore import parsers, serialize
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from hypothesis import strategies as st

from sagewright.wire.http import Request, Response

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DEEPEST = 4
MOST = 5
"""Optional members drawn for one structure."""

json_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# XML 1.0 has no other control characters, and botocore does not spell a carriage return.
xml_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=12).filter(
    lambda text: not set(text) & {"\ufffe", "\uffff"}
)
token = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=10)
header_text = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
moments = st.integers(0, 4_000_000_000).map(lambda seconds: EPOCH + timedelta(seconds=seconds))
floats = st.floats(-1e9, 1e9, width=32).map(lambda value: round(value, 4))


@st.composite
def structure(draw: st.DrawFn, shape: StructureShape, protocol: str, depth: int = 0) -> dict[str, Any]:
    """A value of a structure: all required members and some others, as boto3 takes it."""
    optional = [name for name in shape.members if name not in shape.required_members]
    if shape.metadata.get("union") or shape.is_tagged_union:
        optional = draw(st.lists(st.sampled_from(sorted(shape.members)), min_size=1, max_size=1))
    elif depth > DEEPEST or not optional:
        optional = []
    else:
        optional = draw(st.lists(st.sampled_from(optional), max_size=MOST, unique=True))
    out = {}
    for name in [*shape.required_members, *optional]:
        member = shape.members[name]
        if member.serialization.get("eventstream") or (depth > DEEPEST + 2 and _nested(member)):
            continue
        payload = shape.serialization.get("payload") == name
        value = draw(member_value(member, protocol, depth, payload=payload))
        if _writable(member, value, protocol):
            out[name] = value
    return out


def _nested(shape: Shape) -> bool:
    return isinstance(shape, (StructureShape, ListShape, MapShape))


def _writable(shape: Shape, value: Any, protocol: str) -> bool:
    """Whether the protocol has a way to write this value at all: forms have no empty structure."""
    if value not in ({}, []):
        return True
    if "location" in shape.serialization or shape.serialization.get("flattened"):
        return False
    return protocol in {"json", "rest-json", "smithy-rpc-v2-cbor"} or (protocol == "rest-xml" and value == [])


def member_value(shape: Shape, protocol: str, depth: int, *, payload: bool = False) -> st.SearchStrategy[Any]:
    location = shape.serialization.get("location")
    if location in {"uri", "header", "headers"}:
        return _in_head(shape)
    if payload and shape.type_name in {"blob", "string"}:
        text = st.text("abc{}<>\n", min_size=1, max_size=20)
        return text.map(str.encode) if shape.type_name == "blob" else text
    return value_of(shape, protocol, depth + 1)


def _in_head(shape: Shape) -> st.SearchStrategy[Any]:
    if isinstance(shape, ListShape):
        return st.lists(_in_head(shape.member), min_size=1, max_size=3)
    if isinstance(shape, MapShape):
        return st.dictionaries(token, header_text, min_size=1, max_size=3)
    if shape.type_name == "string":
        if shape.serialization.get("jsonvalue"):
            return st.dictionaries(token, st.integers(0, 9), max_size=2)
        return st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
    return scalar(shape, "rest-json")


def value_of(shape: Shape, protocol: str, depth: int) -> st.SearchStrategy[Any]:
    if isinstance(shape, StructureShape):
        if shape.is_document_type:
            return st.dictionaries(token, st.integers(0, 9), max_size=2)
        return structure(shape, protocol, depth)
    most = 0 if depth > DEEPEST else 2
    if isinstance(shape, ListShape):
        inner = value_of(shape.member, protocol, depth + 1).filter(lambda v: _writable(shape.member, v, protocol))
        return st.lists(inner, max_size=most)
    if isinstance(shape, MapShape):
        names = scalar(shape.key, protocol).filter(bool)
        inner = value_of(shape.value, protocol, depth + 1).filter(lambda v: _writable(shape.value, v, protocol))
        return st.dictionaries(names, inner, max_size=most)
    return scalar(shape, protocol)


def scalar(shape: Shape, protocol: str) -> st.SearchStrategy[Any]:
    match shape.type_name:
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(-(2**31), 2**31 - 1)
        case "long":
            return st.integers(-(2**53), 2**53)
        case "float" | "double":
            return floats
        case "timestamp":
            return moments
        case "blob":
            return st.binary(max_size=12)
    if enum := shape.metadata.get("enum"):
        return st.sampled_from(enum)
    return xml_text if protocol in {"rest-xml", "query", "ec2"} else json_text


def normal(value: Any) -> Any:
    """Times as epoch seconds, so that both sides compare."""
    if isinstance(value, datetime):
        return (value - EPOCH).total_seconds()
    if isinstance(value, dict):
        return {key: normal(inner) for key, inner in value.items()}
    return [normal(inner) for inner in value] if isinstance(value, list) else value


def request(operation: OperationModel, params: dict[str, Any], protocol: str | None = None) -> Request:
    """The request that botocore sends for these parameters."""
    model = operation.service_model
    serializer = serialize.create_serializer(protocol or model.metadata["protocol"], include_validation=False)
    prepared = serializer.serialize_to_request(params, operation)
    prepare_request_dict(prepared, "http://localhost:4700")
    sent = create_request_object(prepared).prepare()
    url = urlsplit(sent.url)
    body = sent.body or b""
    return Request(
        str(sent.method),
        url.path,
        url.query,
        {name.lower(): _text(value) for name, value in sent.headers.items()},
        body.encode() if isinstance(body, str) else bytes(body),
    )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def parsed(response: Response, shape: Shape | None, model: ServiceModel, protocol: str | None = None) -> dict[str, Any]:
    """What botocore makes of a response; errors come as botocore's `Error` dictionary."""
    assert isinstance(response.body, bytes)
    parser = parsers.create_parser(protocol or model.metadata["protocol"])
    raw = {"body": response.body, "headers": HeadersDict(response.headers), "status_code": response.status}
    found: dict[str, Any] = parser.parse(raw, shape)  # type: ignore[arg-type]  # the stubs forget operations without an output
    return found


def result_of(found: dict[str, Any], shape: Shape | None) -> dict[str, Any]:
    """The members of a parsed response, without botocore's own additions."""
    members = getattr(shape, "members", {})
    out = {}
    for name, value in found.items():
        if name == "ResponseMetadata":
            continue
        if value == {} and members[name].serialization.get("location") == "headers":
            continue  # botocore always adds the map, even when no header has the prefix
        out[name] = normal(value)
    return out
