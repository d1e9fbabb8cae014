"""Decoded: bytes to members, and the model's constraints."""

from __future__ import annotations

from dataclasses import replace

from sagewright.edge.chain import Decoded, Identified
from sagewright.wire.validate import validate


def decode(identified: Identified) -> Decoded:
    routed = identified.routed
    request = replace(routed.addressed, body=identified.body)
    params = routed.protocol.parse(request, routed.operation)
    validate(routed.operation, params)
    return Decoded(identified, params)
