"""Users of inference components: an endpoint, a component on it, updates to good and broken models, copies, deaths."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from typing import Any

from .census import model_servers
from .endpoints import PATIENCE
from .server import eventually
from .world import BUCKET, IMAGE, World

MISSING = ("Could not find",)
BUSY = ("Cannot update inference component",)


class Components:
    """One user's components, one after the other, each on an endpoint of its own."""

    def __init__(self, world: World, user: str) -> None:
        self._world = world
        self._user = user
        self._count = 0

    def act(self, choose: random.Random) -> None:
        """An endpoint and its component, from their creation to their deletion."""
        self._count += 1
        name = f"{self._user}-{self._count}"
        self._host(name)
        version, copies = "one", choose.choice((1, 2))
        again = ("already existing",)
        where = {"EndpointName": name, "VariantName": "all", "RuntimeConfig": {"CopyCount": copies}}
        self._ask("create_inference_component", name, again, Specification=self._of(name, version), **where)
        for _ in range(choose.choice((1, 2, 3))):
            self._settle(name, version, copies)
            time.sleep(choose.uniform(0.0, 1.0))
            version, copies = choose.choice((self._update, self._break, self._scale, self._murder))(
                name, version, copies, choose
            )
        self._delete(name)

    # Steps. Each returns the version and the number of copies that there should be.

    def _update(self, name: str, version: str, copies: int, choose: random.Random) -> tuple[str, int]:
        version = choose.choice([each for each in ("one", "two", "three") if each != version])
        copies = choose.choice((1, 2))
        wanted = {"Specification": self._of(name, version), "RuntimeConfig": {"CopyCount": copies}}
        self._ask("update_inference_component", name, BUSY, **wanted, **choose.choice(({}, _in_batches())))
        return version, copies

    def _break(self, name: str, version: str, copies: int, _choose: random.Random) -> tuple[str, int]:
        """An update to a model that does not load: what was there goes on."""
        wanted = {"Specification": self._of(name, "broken"), "RuntimeConfig": {"CopyCount": 1}}
        self._ask("update_inference_component", name, BUSY, **wanted)
        eventually(
            lambda: self._describe(name)["InferenceComponentStatus"] == "InService",
            within=PATIENCE,
            what=lambda: f"{name} to roll back; {self._describe(name)}",
        )
        assert "ping health check" in self._describe(name).get("FailureReason", ""), f"{name}: no reason"
        return version, copies

    def _scale(self, name: str, version: str, copies: int, choose: random.Random) -> tuple[str, int]:
        copies = choose.choice([each for each in (0, 1, 2) if each != copies])
        wanted = {"DesiredRuntimeConfig": {"CopyCount": copies}}
        self._ask("update_inference_component_runtime_config", name, BUSY, **wanted)
        return version, copies

    def _murder(self, name: str, version: str, copies: int, choose: random.Random) -> tuple[str, int]:
        """A copy is killed by somebody: it is replaced."""
        servers = model_servers(self._world.front.port, name)
        if servers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(choose.choice(servers), signal.SIGKILL)
        return version, copies

    def _delete(self, name: str) -> None:
        self._ask("delete_inference_component", name, MISSING)
        asked = {"refused": MISSING, "InferenceComponentName": name}
        eventually(
            lambda: self._world("sagemaker", "describe_inference_component", **asked).refusal,
            within=PATIENCE,
            what=lambda: f"the component {name} to be gone",
        )
        eventually(lambda: not self._world.witness.live(name), within=60, what=lambda: f"{name}'s copies gone")
        self._world("sagemaker", "delete_endpoint", refused=MISSING, EndpointName=name)
        eventually(
            lambda: self._world("sagemaker", "describe_endpoint", refused=MISSING, EndpointName=name).refusal,
            within=PATIENCE,
            what=lambda: f"the endpoint {name} to be gone",
        )

    # What they are made of.

    def _host(self, name: str) -> None:
        """An endpoint with room for four copies."""
        variant = {"VariantName": "all", "InitialInstanceCount": 2, "InstanceType": "ml.m5.large"}
        again = ("already existing",)
        self._world(
            "sagemaker",
            "create_endpoint_config",
            refused=again,
            EndpointConfigName=name,
            ProductionVariants=[variant],
            ExecutionRoleArn=self._world.role,
        )
        self._world("sagemaker", "create_endpoint", refused=again, EndpointName=name, EndpointConfigName=name)

    def _of(self, name: str, version: str) -> dict[str, Any]:
        container = {
            "Image": IMAGE,
            "ArtifactUrl": f"s3://{BUCKET}/models/{version}.tar.gz",
            "Environment": {"OWNER": name, "WITNESS": str(self._world.witness.port)},
        }
        needs = {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 128, "MaxMemoryRequiredInMb": 2048}
        return {"Container": container, "ComputeResourceRequirements": needs}

    def _settle(self, name: str, version: str, copies: int) -> None:
        """In service, with the right model and the right number of copies, and none beside."""

        def arrived() -> bool:
            told = self._describe(name)
            assert told["InferenceComponentStatus"] != "Failed", f"{name} failed: {told['FailureReason']}"
            if told["InferenceComponentStatus"] != "InService":
                return False
            there = told["RuntimeConfig"]["CurrentCopyCount"]
            return (there, self._version(name)) == (copies, version if copies else None)

        eventually(arrived, within=PATIENCE, what=lambda: f"{name} with {copies} of {version}; {self._describe(name)}")
        live = self._world.witness.live
        eventually(
            lambda: len(live(name)) == copies, within=PATIENCE, what=lambda: f"{name}: {live(name)} live, not {copies}"
        )

    def _version(self, name: str) -> str | None:
        """The version of the model that answers; None while nothing does."""
        answer = self._world(
            "sagemaker-runtime",
            "invoke_endpoint",
            refused=("cannot answer now", "server error (0)", "not found", "no capacity"),
            EndpointName=name,
            InferenceComponentName=name,
            ContentType="application/json",
            Body=b'"hello"',
        )
        return None if answer.refusal else str(json.loads(answer.body["Body"])["version"])

    def _ask(self, operation: str, name: str, refused: tuple[str, ...], **params: Any) -> None:
        answer = self._world("sagemaker", operation, refused=refused, InferenceComponentName=name, **params)
        assert answer.perhaps_twice or not answer.refusal, f"{name}: {operation} was refused: {answer.refusal}"

    def _describe(self, name: str) -> dict[str, Any]:
        return self._world("sagemaker", "describe_inference_component", InferenceComponentName=name).body


def _in_batches() -> dict[str, Any]:
    size = {"Type": "COPY_COUNT", "Value": 1}
    return {"DeploymentConfig": {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 0}}}
