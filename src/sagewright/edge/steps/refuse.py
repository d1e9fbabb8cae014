"""An error to bytes, in the words of the protocol that was spoken, as far as that is known."""

from __future__ import annotations

from sagewright.base.errors import AwsError
from sagewright.edge.chain import Raw, Routed
from sagewright.edge.steps.route import by_path
from sagewright.wire import model
from sagewright.wire.http import Response
from sagewright.wire.protocols import protocol


def refuse(raw: Raw, routed: Routed | None, error: AwsError) -> Response:
    if routed is not None:
        speaker, service_model, operation = routed.protocol, routed.model, routed.operation
    else:
        service_model = model.service(_likely(raw))
        speaker, operation = protocol(service_model), None
    response = speaker.serialize_error(error, service_model, operation, raw.request_id)
    response.headers.update(error.headers)
    return response


def _likely(raw: Raw) -> str:
    """Which service's error form a client will understand that we could not route."""
    headers = raw.request.headers
    if (service := by_path(raw.request.path)) is not None:
        return service
    if "x-amz-target" in headers or "json" in headers.get("content-type", ""):
        return "sagemaker"
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return "sts"
    return "s3" if "/s3/aws4_request" in headers.get("authorization", "/s3/aws4_request") else "sagemaker-runtime"
