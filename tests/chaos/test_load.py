"""An endpoint under a steady load, while all that can happen to it happens: no request is lost to clients that try
again as botocore does by itself."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Callable
from typing import Any

import pytest

from . import census
from .endpoints import PATIENCE
from .load import Load
from .server import Server, eventually
from .world import BUCKET, IMAGE, World

NAME = "steady"
CLIENTS = 4


class Operator:
    """Who does things to the endpoint, each until it is done."""

    def __init__(self, world: World, server: Server) -> None:
        self._world, self._server = world, server
        self._configs = 0

    def create(self) -> None:
        """Two variants, an instance each."""
        self._world("sagemaker", "create_endpoint", EndpointName=NAME, EndpointConfigName=self._config("one"))
        self._in_service()

    def update(self) -> None:
        """Another model."""
        config = self._config(random.choice(("one", "two", "three")))
        self._world("sagemaker", "update_endpoint", EndpointName=NAME, EndpointConfigName=config)
        self._in_service()

    def shift_weights(self) -> None:
        """All to one variant, then to both."""
        for weight in (0.0, 1.0):
            self._resize({"VariantName": "a", "DesiredWeight": weight})

    def scale_out_and_in(self) -> None:
        """From one instance to three, and back."""
        for count in (3, 1):
            self._resize({"VariantName": "b", "DesiredInstanceCount": count})

    def kill_an_instance(self) -> None:
        """A model server ends with requests in its hands; another takes its place."""
        servers = census.model_servers(self._server.port, NAME)
        with contextlib.suppress(ProcessLookupError):
            os.kill(random.choice(servers), signal.SIGKILL)
        eventually(self._is_whole, within=PATIENCE, what="a successor of the instance")

    def restart_the_server(self) -> None:
        """As after an upgrade."""
        self._server.restart()

    def _resize(self, wanted: dict[str, Any]) -> None:
        operation = "update_endpoint_weights_and_capacities"
        self._world("sagemaker", operation, EndpointName=NAME, DesiredWeightsAndCapacities=[wanted])
        self._in_service()

    def _in_service(self) -> None:
        def arrived() -> bool:
            told = self._described()
            assert told["EndpointStatus"] in ("Creating", "Updating", "InService"), told
            return bool(told["EndpointStatus"] == "InService")

        eventually(arrived, within=PATIENCE, what="the endpoint in service")

    def _is_whole(self) -> bool:
        variants = self._described()["ProductionVariants"]
        return all(each["CurrentInstanceCount"] == each["DesiredInstanceCount"] for each in variants)

    def _described(self) -> Any:
        return self._world("sagemaker", "describe_endpoint", EndpointName=NAME).body

    def _config(self, version: str) -> str:
        self._configs += 1
        made = f"{NAME}-{self._configs}"
        container = {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/models/{version}.tar.gz",
            "Environment": {"OWNER": NAME, "WITNESS": str(self._world.witness.port)},
        }
        role = self._world.role
        self._world("sagemaker", "create_model", ModelName=made, PrimaryContainer=container, ExecutionRoleArn=role)
        each = {"ModelName": made, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        variants = [{"VariantName": name, **each} for name in ("a", "b")]
        self._world("sagemaker", "create_endpoint_config", EndpointConfigName=made, ProductionVariants=variants)
        return made


def test_no_request_is_lost_whatever_happens_to_the_endpoint(
    server: Server, rounds: int, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    random.seed(seed)
    world = World(server, seed)
    operator = Operator(world, server)
    deeds: list[Callable[[], None]] = [
        operator.kill_an_instance,
        operator.update,
        operator.shift_weights,
        operator.scale_out_and_in,
        operator.restart_the_server,
    ]
    try:
        server.start()
        world.prepare()
        operator.create()
        with Load(server, NAME, clients=CLIENTS) as load:
            for number in range(max(1, rounds // 5)):
                for deed in random.sample(deeds, len(deeds)):
                    load.during = f"{deed.__name__} ({number + 1})"
                    load.goes_on()
                    deed()
                    load.goes_on()
                    with capsys.disabled():
                        print(f"   {load.during}: {load.answered} answers", flush=True)
                    if load.failures:
                        break
        assert not load.failures, f"--chaos-seed={seed}\n" + "\n".join(load.failures[:20]) + f"\n{server.tail()}"
    finally:
        world.close()
