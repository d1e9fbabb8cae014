"""Decoded: bytes to members, and the model's constraints."""

from __future__ import annotations

from dataclasses import replace

from sagewright.edge.chain import Decoded, Identified
from sagewright.wire.validate import validate


def decode(identified: Identified) -> Decoded:
    routed = identified.routed
    request = routed.addressed
    if identified.body is not request.body:  # it streams, or came in chunks
        request = replace(request, body=identified.body)
    params = routed.protocol.parse(request, routed.operation)
    validate(routed.operation, params)
    return Decoded(identified, params)
