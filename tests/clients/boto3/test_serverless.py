"""Serverless endpoints: instances come with requests and go without them, on a server that soon calls them idle."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ..conftest import Door, free_port
from .refusals import refusal

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
MODEL = """
import socket
from sklearn.linear_model import LinearRegression

def model_fn(model_dir):
    return LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])

def predict_fn(data, model):
    if data.flat[0] > 1000:  # the port of a door
        socket.create_connection(("127.0.0.1", int(data.flat[0]))).recv(1)
    return model.predict(data.reshape(-1, 1))
"""
BROKEN = "def model_fn(model_dir):\n    raise OSError('no weights')\n"
CONFIG = {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
PATIENCE = {"Delay": 1, "MaxAttempts": 120}


class World:
    """A server of one's own, and an endpoint on it."""

    def __init__(self, server: Any) -> None:
        self.server = server
        settings = server.environment()
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        self._session = boto3.Session(*(settings.get(name) for name in names), region_name="us-east-1")
        self.sagemaker = self.client("sagemaker")
        # One try: what is throttled is to be seen.
        self.runtime = self.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
        self.role = self.client("iam").get_role(RoleName="SagewrightExecutionRole")["Role"]["Arn"]
        self.client("s3").create_bucket(Bucket="serverless")

    def client(self, service: str, **more: Any) -> Any:
        return self._session.client(service, endpoint_url=f"http://127.0.0.1:{self.server.port}", **more)

    def model(self, name: str, code: str) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo("code/inference.py")
            member.size = len(code)
            archive.addfile(member, io.BytesIO(code.encode()))
        self.client("s3").put_object(Bucket="serverless", Key=f"{name}.tar.gz", Body=buffer.getvalue())
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://serverless/{name}.tar.gz"}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container)

    def config(self, name: str, model: str, **serverless: Any) -> None:
        variant = {"VariantName": "v", "ModelName": model, "ServerlessConfig": {**CONFIG, **serverless}}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

    def wait(self, name: str = "e") -> dict[str, Any]:
        self.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
        return dict(self.sagemaker.describe_endpoint(EndpointName=name))

    def predict(self, value: float) -> float:
        answer = self.runtime.invoke_endpoint(EndpointName="e", ContentType="application/json", Body=f"[{value}]")
        return float(json.load(answer["Body"])[0])

    def tasks(self) -> set[str]:
        """Those that exist: of instances, and of what stands by."""
        return {path.name for path in (self.server.data / "tasks").glob("serve-*")}

    def asleep(self, before: set[str]) -> bool:
        """Whether one stands by, and nothing is left of those that there were."""
        return len(now := self.tasks()) == 1 and not now & before


@pytest.fixture(scope="module")
def world(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("serverless")
    own = type(server)(folder / "data", free_port(), folder / "log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEWRIGHT_SERVERLESS_IDLE", "1")
        own.start()
        made = World(own)
        made.model("m", MODEL)
        made.config("c", "m")
        made.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
        yield made
        own.stop()


def test_an_endpoint_is_in_service_when_its_model_has_loaded_and_shows_no_instances(world: World) -> None:
    (variant,) = world.wait()["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == variant["DesiredServerlessConfig"] == CONFIG
    assert not {"CurrentInstanceCount", "DesiredInstanceCount"} & variant.keys()
    assert world.predict(2) == pytest.approx(4)


def test_what_nobody_asks_goes_and_the_next_request_brings_it_back(world: World, eventually: Any) -> None:
    world.predict(1)
    before = world.tasks()
    eventually(lambda: world.asleep(before))
    assert world.predict(3) == pytest.approx(6)


def test_as_many_as_may_be_run_at_once_and_one_more_is_throttled(world: World, door: Door) -> None:
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(world.predict, door.port) for _ in range(2)]
        door.wait_for(2)
        with pytest.raises(ClientError) as caught:
            world.predict(1)
        door.let_go()
    assert [each.result() for each in asked] == pytest.approx([2 * door.port] * 2)
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_killed_server_leaves_nothing_behind_and_the_next_one_lets_idle_instances_go(
    world: World, eventually: Any
) -> None:
    world.predict(1)
    before = world.tasks()
    world.server.kill()
    world.server.start()
    assert world.predict(4) == pytest.approx(8)
    eventually(lambda: world.asleep(before))


def test_provisioned_instances_stay_and_autoscaling_changes_them(world: World, eventually: Any) -> None:
    update = {"VariantName": "v", "ServerlessUpdateConfig": {"ProvisionedConcurrency": 1}}
    world.sagemaker.update_endpoint_weights_and_capacities(EndpointName="e", DesiredWeightsAndCapacities=[update])
    (variant,) = world.wait()["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {**CONFIG, "ProvisionedConcurrency": 1}
    world.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/e/variant/v",
        ScalableDimension="sagemaker:variant:DesiredProvisionedConcurrency",
        MinCapacity=2,
        MaxCapacity=2,
    )

    def provisioned() -> int:
        (variant,) = world.wait()["ProductionVariants"]
        return int(variant["CurrentServerlessConfig"]["ProvisionedConcurrency"])

    eventually(lambda: provisioned() == 2)
    eventually(lambda: len(world.tasks()) == 2)
    assert world.predict(5) == pytest.approx(10)


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({"DesiredInstanceCount": 2}, "has no instance count"),
        ({"ServerlessUpdateConfig": {"ProvisionedConcurrency": 3}}, "must not be more than"),
    ],
)
def test_what_an_update_cannot_ask(world: World, update: dict[str, Any], words: str) -> None:
    world.wait()  # an endpoint that changes can be asked for nothing else
    wanted = [{"VariantName": "v", **update}]
    change = world.sagemaker.update_endpoint_weights_and_capacities
    code, message = refusal(change, EndpointName="e", DesiredWeightsAndCapacities=wanted)
    assert (code, words in message) == ("ValidationException", True)


def test_a_model_that_does_not_load_fails_the_endpoint(world: World) -> None:
    world.model("broken", BROKEN)
    world.config("broken", "broken")
    world.sagemaker.create_endpoint(EndpointName="broken", EndpointConfigName="broken")
    waiter = world.sagemaker.get_waiter("endpoint_in_service")
    with pytest.raises(Exception, match="Failed"):
        waiter.wait(EndpointName="broken", WaiterConfig=PATIENCE)
    assert "no weights" in world.sagemaker.describe_endpoint(EndpointName="broken")["FailureReason"]


def test_a_deleted_endpoint_leaves_nothing(world: World, eventually: Any) -> None:
    for name in ("e", "broken"):
        world.sagemaker.delete_endpoint(EndpointName=name)
        world.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)
    eventually(lambda: not world.tasks())


def test_serverless_and_instances_do_not_mix(world: World) -> None:
    variant = {"VariantName": "v", "ModelName": "m", "ServerlessConfig": CONFIG, "InstanceType": "ml.m5.large"}
    create = world.sagemaker.create_endpoint_config
    code, message = refusal(create, EndpointConfigName="mixed", ProductionVariants=[variant])
    assert (code, "do not support an InstanceType" in message) == ("ValidationException", True)
