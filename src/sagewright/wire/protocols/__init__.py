"""AWS's wire protocols. `protocol()` gives a service's preferred one, `for_request()` the one spoken."""

from __future__ import annotations

from functools import cache
from typing import Final

from botocore.model import ServiceModel

from sagewright.base.errors import AwsError
from sagewright.base.registry import Registry
from sagewright.wire.http import Request
from sagewright.wire.protocols.base import Protocol

__all__ = ["PROTOCOLS", "Protocol", "for_request", "protocol"]

PROTOCOLS: Final[Registry[type[Protocol]]] = Registry(
    "protocol",
    {
        # Add a protocol here, under the name that botocore's metadata gives it, and to _spoken() if a
        # service may choose between it and another.
        "json": "sagewright.wire.protocols.json:JsonProtocol",
        "rest-json": "sagewright.wire.protocols.rest_json:RestJsonProtocol",
        "rest-xml": "sagewright.wire.protocols.rest_xml:RestXmlProtocol",
        "query": "sagewright.wire.protocols.query:QueryProtocol",
        "ec2": "sagewright.wire.protocols.query:Ec2Protocol",
        "smithy-rpc-v2-cbor": "sagewright.wire.protocols.cbor:CborProtocol",
    },
)


def protocol(service_model: ServiceModel) -> Protocol:
    """The protocol that a service's model prefers; the same object for the same model.

    Right for services with one protocol, and for naming one where there is no request to look at.
    """
    return _instance(service_model, str(service_model.metadata["protocol"]))


def for_request(service_model: ServiceModel, request: Request) -> Protocol:
    """The protocol a request speaks, of those its service lists. Raises `AwsError` (404) when none fits."""
    listed = service_model.metadata.get("protocols")
    if listed is None or len(listed) == 1:
        return protocol(service_model)
    name = _spoken(request)
    if name not in listed:
        raise AwsError(
            "UnknownOperationException",
            f"{service_model.service_name} takes requests in {', '.join(listed)}; this one is in none",
            status=404,
        )
    return _instance(service_model, name)


def _spoken(request: Request) -> str:
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return "smithy-rpc-v2-cbor"
    if "x-amz-target" in request.headers:
        return "json"
    return "query"


@cache
def _instance(service_model: ServiceModel, name: str) -> Protocol:
    return PROTOCOLS.load(name)(service_model)
