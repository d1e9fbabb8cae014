"""Members to bytes."""

from __future__ import annotations

from sagewright.edge.chain import Decoded
from sagewright.edge.steps.form import answered
from sagewright.operations.call import Params
from sagewright.wire.http import Response


def encode(decoded: Decoded, result: Params) -> Response:
    routed = decoded.identified.routed
    status = result.pop("__status__", None)
    response = routed.protocol.serialize(result, routed.operation, routed.raw.request_id)
    if status is not None:
        response.status = status
    return response if routed.form is None else answered(routed.form, routed.raw, result, response)
