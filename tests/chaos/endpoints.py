"""Users of endpoints: create, invoke, update to good and broken models, change capacities, delete."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from typing import Any

from .census import model_servers
from .server import eventually
from .world import BUCKET, IMAGE, World

MISSING = ("Could not find endpoint",)
PATIENCE = 120.0
"""Seconds for a model server to come up on a machine that does much else, while servers come and go."""

_HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}
DEPLOYMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"DeploymentConfig": {"RollingUpdatePolicy": {"MaximumBatchSize": _HALF, "WaitIntervalInSeconds": 1}}},
    {
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 1, "CanarySize": _HALF},
                "TerminationWaitInSeconds": 1,
            }
        }
    },
)
"""How an update may go."""


class Endpoints:
    """One user's endpoints, one after the other."""

    def __init__(self, world: World, user: str) -> None:
        self._world = world
        self._user = user
        self._count = 0
        self._configs = 0

    def act(self, choose: random.Random) -> None:
        """One endpoint from its creation to its deletion."""
        self._count += 1
        name = f"{self._user}-{self._count}"
        version, count = "one", choose.choice((1, 1, 2))
        config = self._config(name, version, count)
        self._ask("create_endpoint", name, refused=("already existing",), EndpointConfigName=config)
        assert self._describe(name)["EndpointStatus"] in ("Creating", "InService"), name
        if choose.random() < 0.2:
            time.sleep(choose.uniform(0.0, 1.5))
            self._delete(name)
            return
        self._settle(name, version, count)
        for _ in range(choose.choice((0, 1, 1, 2))):
            self._world.steady[name] = version
            time.sleep(choose.uniform(0.0, 1.5))
            del self._world.steady[name]
            version, count = choose.choice((self._update, self._update, self._break, self._resize, self._murder))(
                name, version, count, choose
            )
            if choose.random() < 0.15:
                break
            self._settle(name, version, count)
        self._delete(name)

    # Steps. Each returns the version and the number of model servers that there should be.

    def _update(self, name: str, version: str, count: int, choose: random.Random) -> tuple[str, int]:
        version = choose.choice([each for each in ("one", "two", "three") if each != version])
        count = choose.choice((1, 1, 2))
        config = self._config(name, version, count)
        self._ask(
            "update_endpoint",
            name,
            refused=("Cannot update in-progress",),
            EndpointConfigName=config,
            **choose.choice(DEPLOYMENTS),
        )
        assert self._describe(name)["EndpointStatus"] in ("Updating", "InService"), f"{name}: the update was lost"
        return version, count

    def _break(self, name: str, version: str, count: int, choose: random.Random) -> tuple[str, int]:
        """An update to a model that does not load: what was there goes on."""
        before = self._describe(name)["EndpointConfigName"]
        config = self._config(name, "broken", choose.choice((1, 2)))
        self._ask("update_endpoint", name, refused=("Cannot update in-progress",), EndpointConfigName=config)
        end = time.monotonic() + PATIENCE
        while (told := self._describe(name))["EndpointStatus"] != "InService":
            assert told["EndpointStatus"] in ("Updating", "RollingBack"), f"{name}: {told}"
            assert time.monotonic() < end, f"{name} does not roll back: {told}"
            assert self._version(name) in (version, None), f"{name} answers with another model"
            time.sleep(0.1)
        assert "ping health check" in told.get("FailureReason", ""), f"{name}: no reason in {told}"
        assert told["EndpointConfigName"] == before, f"{name}: rolled back to {told['EndpointConfigName']}"
        return version, count

    def _resize(self, name: str, version: str, count: int, _choose: random.Random) -> tuple[str, int]:
        count = 3 - count
        wanted = [{"VariantName": "all", "DesiredInstanceCount": count}]
        operation = "update_endpoint_weights_and_capacities"
        self._ask(operation, name, refused=("Cannot update in-progress",), DesiredWeightsAndCapacities=wanted)
        return version, count

    def _murder(self, name: str, version: str, count: int, choose: random.Random) -> tuple[str, int]:
        """A model server is killed by somebody: it is replaced."""
        servers = model_servers(self._world.front.port, name)
        if servers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(choose.choice(servers), signal.SIGKILL)
        return version, count

    def _delete(self, name: str) -> None:
        self._ask("delete_endpoint", name, refused=MISSING)
        told = self._world("sagemaker", "describe_endpoint", refused=MISSING, EndpointName=name)
        assert told.refusal or told.body["EndpointStatus"] == "Deleting", f"{name}: the deletion was lost: {told}"
        eventually(
            lambda: self._world("sagemaker", "describe_endpoint", refused=MISSING, EndpointName=name).refusal,
            within=PATIENCE,
            what=lambda: f"{name} to be gone; {self._describe(name)}",
        )
        eventually(lambda: not self._world.witness.live(name), within=60, what=lambda: f"{name}'s model servers gone")

    # What they are made of.

    def _settle(self, name: str, version: str, count: int) -> None:
        """In service, with the right model and the right number of model servers, and none beside."""

        def arrived() -> bool:
            told = self._describe(name)
            assert told["EndpointStatus"] != "Failed", f"{name} failed: {told['FailureReason']}"
            if told["EndpointStatus"] != "InService":
                return False
            (variant,) = told["ProductionVariants"]
            return (variant["CurrentInstanceCount"], self._version(name)) == (count, version)

        eventually(arrived, within=PATIENCE, what=lambda: f"{name} with {count} of {version}; {self._describe(name)}")
        live = self._world.witness.live
        # Those of before have 30 seconds to end.
        eventually(
            lambda: len(live(name)) == count, within=PATIENCE, what=lambda: f"{name}: {live(name)} live, not {count}"
        )

    def _config(self, name: str, version: str, count: int) -> str:
        self._configs += 1
        made = f"{name}-{self._configs}-{version}"
        container = {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/models/{version}.tar.gz",
            "Environment": {"OWNER": name, "WITNESS": str(self._world.witness.port)},
        }
        again = ("already existing",)
        model = self._world(
            "sagemaker",
            "create_model",
            refused=again,
            ModelName=made,
            PrimaryContainer=container,
            ExecutionRoleArn=self._world.role,
        )
        assert model.perhaps_twice or not model.refusal, model.refusal
        variant = {
            "VariantName": "all",
            "ModelName": made,
            "InitialInstanceCount": count,
            "InstanceType": "ml.m5.large",
        }
        config = self._world(
            "sagemaker",
            "create_endpoint_config",
            refused=again,
            EndpointConfigName=made,
            ProductionVariants=[variant],
        )
        assert config.perhaps_twice or not config.refusal, config.refusal
        return made

    def _ask(self, operation: str, name: str, *, refused: tuple[str, ...], **params: Any) -> None:
        answer = self._world("sagemaker", operation, refused=refused, EndpointName=name, **params)
        assert answer.perhaps_twice or not answer.refusal, f"{name}: {operation} was refused: {answer.refusal}"

    def _describe(self, name: str) -> dict[str, Any]:
        return self._world("sagemaker", "describe_endpoint", EndpointName=name).body

    def _version(self, name: str) -> str | None:
        return answering_version(self._world, name)


def answering_version(world: World, name: str) -> str | None:
    """The version of the model that answers; None while nothing does."""
    answer = world(
        "sagemaker-runtime",
        "invoke_endpoint",
        refused=("cannot answer now", "server error (0)", "client error (0)", "not found"),
        EndpointName=name,
        ContentType="application/json",
        Body=b'"hello"',
    )
    return None if answer.refusal else str(json.loads(answer.body["Body"])["version"])


def serve(world: World, name: str, count: int) -> None:
    """An endpoint of so many instances, in service."""
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{BUCKET}/models/one.tar.gz",
        "Environment": {"OWNER": name, "WITNESS": str(world.witness.port), "SAGEMAKER_MODEL_SERVER_WORKERS": "1"},
    }
    world("sagemaker", "create_model", ModelName=name, PrimaryContainer=container, ExecutionRoleArn=world.role)
    variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": count, "InstanceType": "ml.m5.large"}
    world("sagemaker", "create_endpoint_config", EndpointConfigName=name, ProductionVariants=[variant])
    world("sagemaker", "create_endpoint", EndpointName=name, EndpointConfigName=name)
    eventually(lambda: is_whole(world, name, count), within=120, what=f"{name} in service")


def is_whole(world: World, name: str, count: int) -> bool:
    """Whether all instances of an endpoint that nobody changes are there."""
    told = world("sagemaker", "describe_endpoint", EndpointName=name).body
    assert told["EndpointStatus"] in ("Creating", "InService"), told
    variants = told.get("ProductionVariants", [])
    return bool(told["EndpointStatus"] == "InService" and variants[0]["CurrentInstanceCount"] == count)
