"""InvokeEndpointAsync: write the request down. `controllers/async_invocation.py` has it answered."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations
from sagewright.resources import async_invocation
from sagewright.resources.endpoint import KIND as ENDPOINT
from sagewright.resources.record import Record

operations = Operations()

_MOST_BYTES: Final = 128_000
"""Of a body that comes along."""
_KEPT: Final = ("InputLocation", "ContentType", "Accept", "CustomAttributes")


@operations
def invoke_endpoint_async(call: Call, request: Params) -> Params:
    endpoint, config = _asynchronous(call, request["EndpointName"])
    current = endpoint.status["current"]
    variant = current["config"]["ProductionVariants"][0]
    _check_input(request)
    inference_id = request.get("InferenceId") or call.services.ids.uuid()
    now = call.services.clock.now()
    places = async_invocation.locations(config, inference_id, request)
    name = async_invocation.name(
        now, request.get("RequestTTLSeconds", async_invocation.LONGEST_WAIT), call.services.ids.token()
    )
    spec: dict[str, Any] = {
        **{member: request[member] for member in _KEPT if member in request},
        **places,
        "endpoint": endpoint.uid,
        "VariantName": variant["VariantName"],
        "RoleArn": current["models"][variant["ModelName"]]["ExecutionRoleArn"],
        "InferenceId": inference_id,
        "InvocationTimeoutSeconds": request.get("InvocationTimeoutSeconds", async_invocation.TIMEOUT),
        "NotificationConfig": config["OutputConfig"].get("NotificationConfig", {}),
    }
    key = call.key(async_invocation.KIND, name, endpoint.name)
    records = [Record(key, call.services.ids.token(), now, now, spec=spec)]
    if request.get("Body"):
        body = {"body": b64encode(request["Body"]).decode()}
        records.append(Record(async_invocation.body_key(key), call.services.ids.token(), now, now, spec=body))
    call.store.write([("create", record) for record in records])
    return {"InferenceId": inference_id, **places}


def _asynchronous(call: Call, name: str) -> tuple[Record, Params]:
    """The endpoint and its AsyncInferenceConfig. Raises AwsError."""
    endpoint = call.store.get(call.key(ENDPOINT, name))
    if endpoint is None:
        raise AwsError("ValidationError", f"Endpoint {name} of account {call.account} not found.")
    serves = endpoint.status.get("current")
    if endpoint.intent == "delete" or serves is None:
        raise AwsError("ValidationError", f"Endpoint {name} takes no requests now. The endpoint is {endpoint.state}.")
    config: Params | None = serves["config"].get("AsyncInferenceConfig")
    if config is None:
        raise AwsError(
            "ValidationError",
            f"Endpoint {name} is not for asynchronous inference. Use InvokeEndpoint, or an endpoint configuration with "
            "AsyncInferenceConfig.",
        )
    return endpoint, config


def _check_input(request: Params) -> None:
    if bool(request.get("Body")) == ("InputLocation" in request):
        raise AwsError("ValidationError", "Give exactly one of Body and InputLocation.")
    size = len(request.get("Body", b""))
    if size > _MOST_BYTES:
        raise AwsError(
            "ValidationError",
            f"The body has {size} bytes; the limit is {_MOST_BYTES}. Upload it to S3 and give its InputLocation.",
        )
    location = request.get("InputLocation", "s3://bucket/key")
    bucket, _, key = location.partition("://")[2].partition("/")
    if not (location.startswith("s3://") and bucket and key):
        raise AwsError("ValidationError", f"InputLocation {location} must name an object: s3://bucket/key.")
