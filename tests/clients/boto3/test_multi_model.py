"""Many models behind one endpoint: loaded when they are asked for, and sent away when memory is short."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config

from ..conftest import free_port

PATIENCE = {"Delay": 1, "MaxAttempts": 300}
MANY = 40
INFERENCE = """
import json, os, helper

def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.json")) as file:
        told = json.load(file)
    if told.get("crash"):
        os.kill(os.getpid(), 11)
    if told.get("fail"):
        raise ValueError(told["fail"])
    return {"ballast": b"x" * (told.get("megabytes", 0) << 20), "version": told.get("version", 1)}

def input_fn(data, content_type):
    return json.loads(data)

def predict_fn(data, model, context):
    if data == "die":
        os._exit(3)
    target = context.get_request_header("X-Amzn-SageMaker-Target-Model")
    return {"name": helper.NAME, "pid": os.getpid(), "target": target, "version": model["version"]}
"""


class Models:
    """An endpoint of many models, and the bucket that they are in."""

    def __init__(self, server: Any, container: dict[str, Any], role: str) -> None:
        settings = server.environment()
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        session = boto3.Session(*(settings.get(name) for name in names), region_name="us-east-1")
        address = f"http://127.0.0.1:{server.port}"
        once = Config(retries={"total_max_attempts": 1}, max_pool_connections=32)
        self.s3, self.sagemaker, self.runtime, self.cloudwatch = (
            session.client(name, endpoint_url=address, config=once)
            for name in ("s3", "sagemaker", "sagemaker-runtime", "cloudwatch")
        )
        self.server, self.image, self.role = server, container["Image"], role
        self.s3.create_bucket(Bucket="models")

    def add(self, key: str, **told: Any) -> None:
        """A model whose modules are called as those of all others."""
        files = {"code/inference.py": INFERENCE, "code/helper.py": f"NAME = {key!r}", "model.json": json.dumps(told)}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
        self.s3.put_object(Bucket="models", Key=f"all/{key}", Body=buffer.getvalue())

    def deploy(self, name: str, count: int = 1, cache: str = "Enabled", **environment: str) -> None:
        """Begin to make an endpoint of the models."""
        container = {
            "Image": self.image,
            "Mode": "MultiModel",
            "ModelDataUrl": "s3://models/all/",
            "MultiModelConfig": {"ModelCacheSetting": cache},
            "Environment": environment,
        }
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self.role)
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": count}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def ask(self, endpoint: str, target: str, what: str = "") -> Any:
        """A model's answer."""
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint, TargetModel=target, ContentType="application/json", Body=json.dumps(what)
        )
        return json.loads(answer["Body"].read())

    def folders(self) -> list[str]:
        """Those of models that instances have, of all endpoints."""
        return [each.name for each in self.server.data.glob("tasks/*/models/*")]


@pytest.fixture(scope="module")
def models(server: Any, container: dict[str, Any], role: str, tmp_path_factory: Any) -> Iterator[Models]:
    """On a server of their own, which is killed and started in between."""
    folder = tmp_path_factory.mktemp("models")
    own = type(server)(folder / "data", free_port(), folder / "log")
    own.start()
    made = Models(own, container, role)
    made.deploy("one")
    made.deploy("small", SAGEWRIGHT_MEMORY_LIMIT=str(500 << 20))
    made.deploy("pair", count=2, cache="Disabled")
    for name in ("one", "small", "pair"):
        made.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    yield made
    for name in ("one", "small", "pair"):
        made.sagemaker.delete_endpoint(EndpointName=name)
    for name in ("one", "small", "pair"):
        made.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)
    own.stop()


def refused(code: str, call: Callable[[], Any]) -> dict[str, Any]:
    """The error's members."""
    with pytest.raises(boto3.exceptions.botocore.exceptions.ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code
    return dict(caught.value.response)


def test_each_model_is_loaded_once_and_keeps_to_itself(models: Models) -> None:
    for key in ("a.tar.gz", "below/b.tar.gz"):
        models.add(key)
    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(lambda _: models.ask("one", "a.tar.gz"), range(8)))
    other = models.ask("one", "below/b.tar.gz")
    assert {(each["name"], each["target"]) for each in first} == {("a.tar.gz", "a.tar.gz")}
    assert len({each["pid"] for each in first}) == 1
    assert other["name"] == "below/b.tar.gz"


def test_what_is_no_model_is_told_apart(models: Models) -> None:
    models.s3.put_object(Bucket="models", Key="all/broken.tar.gz", Body=b"no archive")
    for target, said in {
        "missing.tar.gz": "Failed to download model data(bucket: models, key: all/missing.tar.gz).",
        "../other.tar.gz": "is not a path below the models' prefix",
        "/etc/passwd": "is not a path below the models' prefix",
        "broken.tar.gz": "could not be unpacked",
    }.items():
        error = refused("ValidationError", lambda target=target: models.ask("one", target))
        assert said in error["Error"]["Message"]
    untold = refused("ValidationError", lambda: models.runtime.invoke_endpoint(EndpointName="one", Body=b"x"))
    assert "missing a target model header" in untold["Error"]["Message"]
    models.add("missing.tar.gz")
    assert models.ask("one", "missing.tar.gz")["name"] == "missing.tar.gz"


def test_a_model_that_crashes_takes_nobody_along(models: Models) -> None:
    models.add("a.tar.gz")
    models.add("crash.tar.gz", crash=True)
    models.add("fail.tar.gz", fail="there is no such layer")
    before = models.ask("one", "a.tar.gz")
    crashed = refused("ModelError", lambda: models.ask("one", "crash.tar.gz"))
    assert (crashed["OriginalStatusCode"], "SIGSEGV" in crashed["OriginalMessage"]) == (500, True)
    failed = refused("ModelError", lambda: models.ask("one", "fail.tar.gz"))
    assert "there is no such layer" in failed["OriginalMessage"]
    assert models.ask("one", "a.tar.gz")["pid"] == before["pid"]

    died = refused("ModelError", lambda: models.ask("one", "a.tar.gz", "die"))
    assert died["OriginalStatusCode"] == 500
    assert models.ask("one", "a.tar.gz")["pid"] != before["pid"]


def test_the_least_recently_used_gives_way(models: Models) -> None:
    for name in "abcd":
        models.add(f"large-{name}", megabytes=80)
    first = models.ask("small", "large-a")
    others = [models.ask("small", f"large-{name}")["name"] for name in "bcd"]
    assert others == ["large-b", "large-c", "large-d"]
    again = models.ask("small", "large-d"), models.ask("small", "large-a")
    assert again[1]["pid"] != first["pid"]
    models.add("too-large", megabytes=1000)
    error = refused("ModelError", lambda: models.ask("small", "too-large"))
    assert error["OriginalStatusCode"] == 507


def test_many_models_are_as_many_as_memory_lasts(models: Models) -> None:
    for number in range(MANY):
        models.add(f"small-{number}", megabytes=20)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: models.ask("small", f"small-{number}"), range(MANY)))
    assert [each["name"] for each in answers] == [f"small-{number}" for number in range(MANY)]
    assert len(models.folders()) < MANY / 2


def test_a_model_that_is_replaced_is_served_when_it_is_loaded_again(models: Models) -> None:
    models.add("moving")
    assert models.ask("one", "moving")["version"] == 1
    models.add("moving", version=2)
    assert models.ask("one", "moving")["version"] == 1
    refused("ModelError", lambda: models.ask("one", "moving", "die"))
    assert models.ask("one", "moving")["version"] == 2


def test_without_a_cache_models_go_when_they_have_answered(models: Models, eventually: Callable[..., Any]) -> None:
    models.add("a.tar.gz")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: models.ask("pair", "a.tar.gz"), range(48)))
    assert {each["name"] for each in answers} == {"a.tar.gz"}
    tasks = models.server.data.glob("tasks/*-pair-*/models/*")
    eventually(lambda: not list(tasks))


def test_models_stay_loaded_while_the_server_is_away(models: Models) -> None:
    models.add("a.tar.gz")
    before = models.ask("one", "a.tar.gz")
    models.server.kill()
    models.server.start()
    assert models.ask("one", "a.tar.gz")["pid"] == before["pid"]
    models.add("new.tar.gz")
    assert models.ask("one", "new.tar.gz")["name"] == "new.tar.gz"


def test_a_model_must_say_where_its_models_are(models: Models) -> None:
    many = {"Image": models.image, "Mode": "MultiModel"}
    for containers, said in (
        ([many], "needs a ModelDataUrl"),
        ([{**many, "ModelDataUrl": "s3://models/all/"}, {"Image": models.image}], "must be the only container"),
        ([{"Image": models.image, "MultiModelConfig": {}}], "MultiModelConfig is for containers"),
    ):
        error = refused(
            "ValidationException",
            lambda own=containers: models.sagemaker.create_model(
                ModelName="refused", Containers=own, ExecutionRoleArn=models.role
            ),
        )
        assert said in error["Error"]["Message"]
