"""Requests that botocore writes, read by us; responses that we write, read by botocore. Over all kinds of protocols."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from botocore.model import OperationModel, ServiceModel, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagewright.wire.model import service
from sagewright.wire.protocols import PROTOCOLS, Protocol, for_request

from . import shapes

SERVICES = (
    "sagemaker",
    "sagemaker-runtime",
    "sagemaker-featurestore-runtime",
    "sagemaker-metrics",
    "sagemaker-a2i-runtime",
    "s3",
    "sts",
    "iam",
    "logs",
    "ecr",
    "lambda",
    "ec2",
    "sns",
    "resource-groups",
)
# A service that lists several protocols is tried in all of them.
WAYS = [(name, None) for name in SERVICES] + [("cloudwatch", kind) for kind in ("smithy-rpc-v2-cbor", "json", "query")]
# botocore itself cannot write these: they are sent to a host, or with a body, of their own making.
SKIPPED = {"WriteGetObjectResponse", "SelectObjectContent"}

quick = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def operations(name: str) -> st.SearchStrategy[OperationModel]:
    model = service(name)
    known = [model.operation_model(n) for n in model.operation_names if n not in SKIPPED]
    # A deprecated operation of S3 shares its URI with the one that took its place, which is what we answer.
    return st.sampled_from([operation for operation in known if not operation.deprecated])


@cache
def in_protocol(model: ServiceModel, kind: str) -> Protocol:
    return PROTOCOLS.load(kind)(model)


def streams_events(operation: OperationModel) -> bool:
    return operation.has_event_stream_input or operation.has_event_stream_output


@pytest.mark.parametrize(("name", "spoken"), WAYS)
@given(data=st.data())
@quick
def test_we_read_what_botocore_writes(name: str, spoken: str | None, data: st.DataObject) -> None:
    operation = data.draw(operations(name))
    kind = spoken or str(operation.service_model.metadata["protocol"])
    shape = operation.input_shape
    params = data.draw(shapes.structure(shape, kind)) if shape is not None else {}
    request = shapes.request(operation, params, kind)
    ours = for_request(operation.service_model, request)
    assert ours.name == kind
    assert ours.operation_name(request, operation.service_model) == operation.name
    assert given_members(ours.parse(request, operation), shape) == given_members(shapes.normal(params), shape)


@pytest.mark.parametrize(("name", "spoken"), WAYS)
@given(data=st.data())
@quick
def test_botocore_reads_what_we_write(name: str, spoken: str | None, data: st.DataObject) -> None:
    operation = data.draw(operations(name).filter(lambda o: not streams_events(o)))
    model = operation.service_model
    shape = operation.output_shape
    kind = spoken or str(model.metadata["protocol"])
    result = data.draw(shapes.structure(shape, kind)) if isinstance(shape, StructureShape) else {}
    result = {name: value for name, value in result.items() if not is_status(shape, name)}
    response = in_protocol(model, kind).serialize(result, operation, "request-id")
    assert 200 <= response.status < 300
    found = shapes.parsed(response, shape, model, kind)
    assert "request-id" in response.headers.values()
    if shape is not None or kind != "smithy-rpc-v2-cbor":  # there botocore stops reading when nothing is modelled
        assert found["ResponseMetadata"]["RequestId"] == "request-id"
    if operation.name == "GetBucketLocation":
        return  # botocore's parser leaves this one to a handler of its client; see tests/unit/wire
    assert comparable(shapes.result_of(found, shape), shape) == comparable(shapes.normal(result), shape)


def given_members(params: dict[str, Any], shape: Any) -> dict[str, Any]:
    """Without what a request cannot leave out: S3 models the length, and a body may stand for no payload."""
    payload = shape.serialization.get("payload") if shape is not None else None
    return {
        name: value
        for name, value in params.items()
        if name != "ContentLength" and not (name == payload and value in ({}, b""))
    }


def is_status(shape: Any, name: str) -> bool:
    return bool(shape.members[name].serialization.get("location") == "statusCode")


def comparable(result: dict[str, Any], shape: Any) -> dict[str, Any]:
    """Payloads as bytes, which the parser gives as text; left out what is always there: status, content type,
    a payload of nothing."""
    payload = shape.serialization.get("payload") if shape is not None else None
    return {
        name: value.encode() if name == payload and isinstance(value, str) else value
        for name, value in result.items()
        if not is_status(shape, name) and not (name == payload and value in ("", {})) and name != "ContentType"
    }
