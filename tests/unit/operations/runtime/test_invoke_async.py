"""InvokeEndpointAsync writes a request down, or says why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.resources import async_invocation
from sagewright.resources.async_invocation import BODY, KIND
from sagewright.resources.endpoint import KIND as ENDPOINT
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query
from sagewright.testing.world import World

INPUT = "s3://b/in"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.make(tmp_path)
    yield made
    made.close()


@pytest.fixture
def endpoint(world: World) -> Record:
    """One that is asynchronous and in service."""
    config = {
        "ProductionVariants": [{"VariantName": "v", "ModelName": "m"}],
        "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/out"}},
    }
    current = {"config": config, "models": {"m": {"ExecutionRoleArn": "arn:role"}}}
    key = Key(world.services.settings.account, world.region, ENDPOINT, "", "e")
    record = Record(key, "u", 0.0, 0.0, status={"current": current}, state="InService")
    return world.services.store.create(record)


def ask(world: World, **request: Any) -> dict[str, Any]:
    return dict(world.client("sagemaker-runtime").invoke_endpoint_async(**{"EndpointName": "e", **request}))


def written(world: World, kind: str) -> list[Record]:
    query = Query(world.services.settings.account, world.region, kind, parent="e")
    return list(world.services.store.list(query, limit=10).records)


def test_a_request_is_in_the_store_when_it_is_answered(world: World, endpoint: Record) -> None:
    told = ask(world, InputLocation=INPUT, RequestTTLSeconds=60)
    assert told["OutputLocation"] == f"s3://b/out/{told['InferenceId']}.out"
    assert "FailureLocation" not in told
    (record,) = written(world, KIND)
    assert record.spec["endpoint"] == endpoint.uid
    assert (record.spec["RoleArn"], record.spec["InputLocation"]) == ("arn:role", INPUT)
    assert record.spec["InvocationTimeoutSeconds"] == 900
    assert async_invocation.expires(record.name) - async_invocation.created(record.name) == 60
    assert written(world, BODY) == []


def test_a_body_is_kept_beside_its_request(world: World, endpoint: Record) -> None:
    assert ask(world, Body=b"abc", InferenceId="mine")["InferenceId"] == "mine"
    (record,) = written(world, KIND)
    (body,) = written(world, BODY)
    assert "body" not in record.spec
    assert (body.name, body.spec) == (record.name, {"body": "YWJj"})


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"EndpointName": "another", "Body": b"1"}, "Endpoint another of account 123456789012 not found"),
        ({}, "exactly one of Body and InputLocation"),
        ({"Body": b"1", "InputLocation": INPUT}, "exactly one of Body and InputLocation"),
        ({"Body": b"1" * 128_001}, "The body has 128001 bytes; the limit is 128000"),
        ({"InputLocation": "https://b.s3.amazonaws.com/in"}, "must name an object: s3://bucket/key"),
        ({"InputLocation": "s3://b/"}, "must name an object: s3://bucket/key"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    world: World, endpoint: Record, request_: dict[str, Any], words: str
) -> None:
    with pytest.raises(AwsError, match=words) as caught:
        ask(world, **request_)
    assert (caught.value.code, caught.value.status) == ("ValidationError", 400)
    assert written(world, KIND) == []


def test_an_endpoint_that_does_not_serve_yet_or_is_not_asynchronous_takes_nothing(
    world: World, endpoint: Record
) -> None:
    store = world.services.store
    current = endpoint.status["current"]
    plain = {**current, "config": {"ProductionVariants": current["config"]["ProductionVariants"]}}
    endpoint = store.update(replace(endpoint, status={"current": plain}))
    with pytest.raises(AwsError, match="is not for asynchronous inference"):
        ask(world, InputLocation=INPUT)
    store.update(replace(endpoint, status={}, state="Creating"))
    with pytest.raises(AwsError, match="The endpoint is Creating"):
        ask(world, InputLocation=INPUT)
