"""Decoded: bytes to members, and the model's constraints."""

from __future__ import annotations

from dataclasses import replace

from sagewright.edge.chain import Decoded, Identified
from sagewright.operations.call import Call, Services
from sagewright.wire.validate import validate


def decode(identified: Identified, services: Services) -> Decoded:
    routed = identified.routed
    request = routed.addressed
    if identified.body is not routed.body:  # it streams, or came in chunks
        request = replace(request, body=identified.body)
    params = routed.protocol.parse(request, routed.operation)
    validate(routed.operation, params)
    signature = routed.signature
    call = Call(
        service=routed.service,
        operation=routed.operation.name,
        principal=identified.principal,
        account=identified.principal.account,
        region=identified.region,
        request_id=routed.raw.request_id,
        headers=routed.addressed.headers,
        host=routed.raw.origin,
        services=services,
        peer=routed.raw.peer,
        received=routed.raw.received,
        presigned=signature is not None and signature.kind != "header",
        posted=routed.form is not None,
    )
    return Decoded(identified, call, params)
