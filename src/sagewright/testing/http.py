"""Requests of any operation as HTTP, spelled by botocore's own serializers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

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
    spoken = protocol or next(each for each in _SPOKEN if each in model.SERVICES[service].protocols)
    made = _serializer(spoken).serialize_to_request(dict(params), service_model.operation_model(operation))
    query = made["query_string"]
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode(body)
    headers = {name.lower(): _on_the_wire(value) for name, value in made["headers"].items()}
    return Spelled(
        service=model.SERVICES[service].signing_name,
        method=made["method"],
        path=made["url_path"],
        query=query if isinstance(query, str) else urlencode(query, doseq=True),
        headers=headers,
        body=body if isinstance(body, bytes) else str(body).encode("utf-8", "surrogatepass"),
    )


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
