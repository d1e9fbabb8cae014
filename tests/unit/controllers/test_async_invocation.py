"""Asynchronous invocations: carried out in turn, once each, whatever dies meanwhile."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.ids import RandomIds
from sagewright.controllers.async_invocation import AsyncInvocations
from sagewright.dataplane.events.bus import Bus
from sagewright.resources import async_invocation, routing
from sagewright.resources.async_invocation import BODY, KIND
from sagewright.resources.endpoint import KIND as ENDPOINT
from sagewright.resources.endpoint import LOG_GROUP
from sagewright.resources.event import DELIVERY
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query
from sagewright.telemetry.metrics import Metric

from .conftest import ACCOUNT, IMAGE, REGION, Bench

ENDPOINT_KEY = Key(ACCOUNT, REGION, ENDPOINT, "", "e")
Answer = Callable[[bytes], tuple[int, bytes]]


class Model:
    """A model server on a socket: answers with what a function makes of the body, or hangs up for None."""

    def __init__(self, path: Path) -> None:
        self.path, self.bodies = path, list[bytes]()
        self.answer: Callable[[bytes], tuple[int, bytes] | None] = lambda body: (200, body.upper())
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            head = b"".join(iter(file.readline, b"\r\n")).lower()
            body = file.read(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
            self.bodies.append(body)
            answer = self.answer(body)
            if answer is not None:
                told = b"HTTP/1.1 %d X\r\nContent-Type: text/x\r\nContent-Length: %d\r\n\r\n%s"
                connection.sendall(told % (answer[0], len(answer[1]), answer[1]))

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Model]:
    made = Model(tmp_path / "m.sock")
    yield made
    made.close()


class World:
    """An asynchronous endpoint with one instance, on a bench."""

    def __init__(self, bench: Bench, model: Model) -> None:
        self.bench, self.model = bench, model
        self.store = bench.store
        variant = {"VariantName": "v", "ModelName": "m"}
        self.output: dict[str, Any] = {"S3OutputPath": "s3://b/out", "S3FailurePath": "s3://b/bad"}
        config = {"ProductionVariants": [variant], "AsyncInferenceConfig": {"OutputConfig": self.output}}
        container = {"Image": IMAGE}
        self.models = {"m": {"ExecutionRoleArn": "arn:role", "PrimaryContainer": container}}
        self.member = {"task": "t", "sockets": [str(model.path)], "log_stream": "v/i-1"}
        table = [routing.generation(1, [routing.variant(variant, self.models["m"], [self.member])])]
        status = {"current": {"config": config, "models": self.models}, "serving": table}
        self.store.create(Record(ENDPOINT_KEY, "u", 0.0, 0.0, status=status, state="InService"))
        self.number = 0
        self.invocations = self.restarted()

    def restarted(self) -> AsyncInvocations:
        self.invocations = AsyncInvocations(
            self.bench.platform, Bus(self.store, self.bench.clock, RandomIds()), self.bench.wake
        )
        return self.invocations

    def ask(self, data: bytes | None = b"in", *, ttl: float = 600.0, **more: Any) -> Record:
        """As InvokeEndpointAsync writes it."""
        self.number += 1
        self.bench.clock.advance(0.001)
        now, inference_id = self.bench.clock.now(), f"id-{self.number}"
        if data is not None:
            self.bench.files.held["b", f"in/{inference_id}"] = data
        spec = {
            "endpoint": "u",
            "RoleArn": "arn:role",
            "VariantName": "v",
            "InferenceId": inference_id,
            "InputLocation": f"s3://b/in/{inference_id}",
            "InvocationTimeoutSeconds": 900,
            "NotificationConfig": {"SuccessTopic": "arn:aws:sns:r:1:ok", "ErrorTopic": "arn:aws:sns:r:1:bad"},
            **async_invocation.locations({"OutputConfig": self.output}, inference_id, {}),
            **more,
        }
        key = Key(ACCOUNT, REGION, KIND, "e", async_invocation.name(now, ttl, f"{self.number:04d}"))
        return self.store.create(Record(key, f"u-{self.number}", now, now, spec=spec))

    def without_instances(self) -> Record:
        """Scale to zero; the endpoint as it was."""
        record = self.store.get(ENDPOINT_KEY)
        assert record is not None
        self.bench.change(ENDPOINT_KEY, status={**record.status, "serving": []})
        return record

    def look(self) -> float | None:
        record = self.store.get(ENDPOINT_KEY)
        assert record is not None
        return self.invocations.reconcile(record)

    def settle(self) -> None:
        """Look until nothing is under way."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            self.look()
            if not self.left() and not self.invocations._backlogs[ENDPOINT_KEY].backlog.size:
                return
            time.sleep(0.005)
        raise AssertionError(f"{self.left()} does not end")

    def left(self) -> list[str]:
        return [each.name for kind in (KIND, BODY) for each in self.store.list(self._all(kind), limit=999).records]

    def notices(self) -> list[dict[str, Any]]:
        query = Query(ACCOUNT, REGION, DELIVERY)
        return [json.loads(each.spec["body"]) for each in self.store.list(query, limit=999).records]

    def metric(self, name: str, **dimensions: str) -> float | None:
        """Its newest sum."""
        metric = Metric("AWS/SageMaker", name, {"EndpointName": "e", **dimensions})
        found = self.bench.metrics.at(ACCOUNT, REGION).query(metric, 0, 2e9, 10)
        return found[-1].statistic("Sum") if found else None

    def object(self, key: str) -> bytes | None:
        return self.bench.files.held.get(("b", key))

    def _all(self, kind: str) -> Query:
        return Query(ACCOUNT, REGION, kind, parent="e")


@pytest.fixture
def world(bench: Bench, model: Model) -> Iterator[World]:
    made = World(bench, model)
    yield made
    bench.platform.background.stop("")


def test_an_invocation_is_answered_stored_told_and_gone(world: World) -> None:
    world.ask(b"abc")
    world.settle()
    assert world.object("out/id-1.out") == b"ABC"
    (notice,) = world.notices()
    assert (notice["invocationStatus"], notice["inferenceId"]) == ("Completed", "id-1")
    assert world.bench.files.roles[-1] == ("arn:role", REGION)
    assert any("[id-1] Inference request succeeded." in line for line in world.bench.lines(f"{LOG_GROUP}e"))


def test_a_body_that_came_along_goes_with_its_record(world: World) -> None:
    record = world.ask(None, InputLocation=None)
    spec = {member: value for member, value in record.spec.items() if member != "InputLocation"}
    world.store.update(replace(record, spec=spec))
    body = Record(async_invocation.body_key(record.key), "x", 0.0, 0.0, spec={"body": "YWJj"})
    world.store.create(body)
    world.settle()
    assert world.object("out/id-1.out") == b"ABC"


def test_they_are_answered_one_after_the_other_in_the_order_they_came(world: World) -> None:
    for number in range(10):
        world.ask(f"{number}".encode())
    world.settle()
    assert world.model.bodies == [f"{number}".encode() for number in range(10)]


def test_a_model_that_refuses_fails_the_invocation_with_what_it_said(world: World) -> None:
    world.model.answer = lambda body: (400, b"no such column")
    world.ask()
    world.settle()
    assert world.object("bad/id-1-error.out") == b"no such column"
    (notice,) = world.notices()
    assert notice["invocationStatus"] == "Failed"
    assert notice["failureReason"] == 'Received client error (400) from primary with message "no such column".'


def test_an_input_that_is_not_there_is_said_where_failures_go(world: World) -> None:
    world.ask(None)
    world.settle()
    told = world.object("bad/id-1-error.out")
    assert told is not None
    assert told.startswith(b"The input s3://b/in/id-1 could not be read")


def test_an_output_that_cannot_be_written_is_a_failure(world: World) -> None:
    world.ask(OutputLocation="s3://nowhere/id-1.out")
    world.settle()
    assert world.notices()[0]["failureReason"].startswith("The output could not be written to s3://nowhere/id-1.out")


def test_one_that_waited_too_long_expires_and_is_never_asked(world: World) -> None:
    world.without_instances()
    world.ask(ttl=60)
    assert world.look() == pytest.approx(60, abs=0.1)
    world.bench.clock.advance(61)
    world.settle()
    assert world.model.bodies == []
    assert "expired" in world.notices()[0]["failureReason"]


def test_a_model_that_dies_is_tried_again_elsewhere_but_not_for_ever(world: World) -> None:
    deaths = iter([None, None])
    world.model.answer = lambda body: next(deaths, (200, b"third time"))
    world.ask()
    world.settle()
    assert world.object("out/id-1.out") == b"third time"
    world.model.answer = lambda body: None
    world.ask()
    world.settle()
    assert world.notices()[-1]["invocationStatus"] == "Failed" or world.notices()[0]["invocationStatus"] == "Failed"
    assert len(world.model.bodies) == 6


def test_a_timeout_is_a_failure(world: World) -> None:
    over = threading.Event()
    world.model.answer = lambda body: (200, b"late") if over.wait(60) else None
    world.ask(InvocationTimeoutSeconds=0)
    world.settle()
    over.set()
    assert "did not answer within 0 seconds" in world.notices()[0]["failureReason"]


def test_a_new_server_carries_out_what_an_earlier_one_was_at(world: World) -> None:
    for _ in range(3):
        world.ask()
    world.restarted()
    world.settle()
    assert [world.object(f"out/id-{number}.out") for number in (1, 2, 3)] == [b"IN"] * 3


def test_what_waits_goes_with_its_endpoint_and_with_an_earlier_one_of_its_name(world: World) -> None:
    world.ask(endpoint="an earlier one")
    world.look()
    assert world.left() == []
    world.without_instances()
    world.ask()
    world.look()
    world.bench.change(ENDPOINT_KEY, intent="delete")
    world.look()
    assert world.left() == []


def test_what_waits_goes_with_an_endpoint_whose_deletion_nobody_saw(world: World) -> None:
    endpoint = world.without_instances()
    world.ask()
    world.look()
    newer = world.ask(endpoint="a newer one")
    world.store.delete(world.bench.store.get(endpoint.key) or endpoint)
    world.invocations.forget(endpoint.key)
    assert world.left() == [newer.name]
    assert not world.invocations._backlogs


def test_an_instance_gets_as_many_at_once_as_the_configuration_says(world: World) -> None:
    record = world.bench.store.get(ENDPOINT_KEY)
    assert record is not None
    status = json.loads(json.dumps(record.status))
    status["current"]["config"]["AsyncInferenceConfig"]["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": 3}
    world.bench.change(ENDPOINT_KEY, status=status)
    together = threading.Barrier(3)

    def answer(body: bytes) -> tuple[int, bytes]:
        together.wait(60)
        return 200, b"ok"

    world.model.answer = answer
    for _ in range(6):
        world.ask()
    world.settle()
    assert world.object("out/id-6.out") == b"ok"


def test_the_backlog_is_told_with_and_without_capacity(world: World) -> None:
    record = world.without_instances()
    world.ask()
    world.ask()
    world.look()
    world.bench.clock.advance(30)
    world.bench.platform.meter.publish()
    world.bench.platform.meter.publish(all_of_it=True)
    assert world.metric("ApproximateBacklogSize") == 2
    assert world.metric("HasBacklogWithoutCapacity") == 1
    assert world.metric("ApproximateAgeOfOldestRequest") == pytest.approx(30, abs=0.1)
    assert world.metric("ApproximateBacklogSizePerInstance") is None
    world.bench.change(ENDPOINT_KEY, status=record.status)
    world.settle()
    world.bench.clock.advance(60)
    world.bench.platform.meter.publish()
    world.bench.platform.meter.publish(all_of_it=True)
    assert world.metric("HasBacklogWithoutCapacity") == 0
    assert world.metric("ApproximateBacklogSizePerInstance") == 0
    assert world.metric("InvocationsProcessed", VariantName="v") == 2
