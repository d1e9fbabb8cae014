"""Requests of any operation as HTTP, spelled by botocore's own serializers."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, cast
from urllib.parse import urlencode

from botocore.compat import HTTPHeaders
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from sagewright.wire import model

_SPOKEN: Final = ("json", "rest-json", "rest-xml", "query", "ec2", "smithy-rpc-v2-cbor")


@dataclass(frozen=True, slots=True)
class Spelled:
    """An unsigned request. Header names are lower-case."""

    service: str
    """The name it is signed for."""
    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def spell(service: str, operation: str, params: Mapping[str, Any], protocol: str | None = None) -> Spelled:
    """The request that boto3 would send, without its own checks of the parameters.

    Raises whatever botocore's serializer raises for values that it cannot write down.
    """
    service_model = model.service(service)
    made = _serializer(protocol or spoken(service)).serialize_to_request(
        dict(params), service_model.operation_model(operation)
    )
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode(body)
    # What a model spells behind a question mark (`/{Bucket}?versioning`) stays in the serializer's path.
    path, _, fixed = made["url_path"].partition("?")
    query = made["query_string"]
    query = query if isinstance(query, str) else urlencode(query, doseq=True)
    headers = {name.lower(): _on_the_wire(value) for name, value in made["headers"].items()}
    return Spelled(
        service=model.SERVICES[service].signing_name,
        method=made["method"],
        path=path,
        query="&".join(filter(None, (fixed, query))),
        headers=headers,
        body=body if isinstance(body, bytes) else str(body).encode("utf-8", "surrogatepass"),
    )


def parse(
    service: str,
    operation: str | None,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    protocol: str | None = None,
) -> dict[str, Any]:
    """What botocore's parser makes of an answer, the members of a refusal under `Error`; None is any operation's.

    A body that streams comes as a file. Raises whatever the parser raises for what it cannot read.
    """
    asked = None if operation is None else model.service(service).operation_model(operation)
    told: dict[str, Any] = {
        "status_code": status,
        "headers": HTTPHeaders.from_dict(dict(headers)),
        "body": io.BytesIO(body) if asked is not None and asked.has_streaming_output and status < 300 else body,
        "context": {"operation_name": operation or ""},
    }
    parser = create_parser(protocol or spoken(service))
    parsed: dict[str, Any] = parser.parse(told, cast(Any, asked and asked.output_shape))
    return parsed


def spoken(service: str) -> str:
    """The protocol in which requests to a service are spelled."""
    return next(each for each in _SPOKEN if each in model.SERVICES[service].protocols)


def sagemaker(operation: str, body: Any) -> Spelled:
    """A request to the control plane with any JSON value as its body."""
    headers = {"x-amz-target": f"SageMaker.{operation}", "content-type": "application/x-amz-json-1.1"}
    return Spelled("sagemaker", "POST", "/", "", headers, json.dumps(body).encode())


def _on_the_wire(value: Any) -> str:
    """A header's value as the server reads it: bytes as characters, without line ends."""
    return str(value).replace("\r", " ").replace("\n", " ").encode("utf-8", "replace").decode("latin-1")


@cache
def _serializer(protocol: str) -> Any:
    return create_serializer(protocol, include_validation=False)
