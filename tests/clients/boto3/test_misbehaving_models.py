"""Models that hang, leak, do not load or answer garbage: each has its error, and the neighbours go on answering."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from .refusals import refusal

PATIENCE = {"Delay": 1, "MaxAttempts": 300}

# Does what it is asked for. Memory is touched page by page: what is only reserved is not used.
BAD = """
import json, os, time

def model_fn(model_dir):
    return []

def transform_fn(held, data, content_type, accept):
    wanted = json.loads(data)
    if wanted == "leak":
        while True:
            held.append(bytearray(os.urandom(1 << 20)) * 32)
    if wanted == "hang":
        time.sleep(3600)
    return (None if wanted == "nothing" else json.dumps(wanted)), accept
"""
BROKEN = "def model_fn(model_dir):\n    raise RuntimeError('the weights are of another model')\n"
# Takes the model server's place and speaks no HTTP, but for /ping.
GARBAGE = """
import os, socket, sys

def model_fn(model_dir):
    code = '''
import os, socket
path = os.environ["SAGEWRIGHT_BIND_UDS"]
os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
while True:
    connection, _ = server.accept()
    asked = connection.recv(65536)
    if asked.startswith(b"GET /ping"):
        connection.sendall(b"HTTP/1.1 200 OK\\\\r\\\\nContent-Length: 0\\\\r\\\\n\\\\r\\\\n")
    else:
        connection.sendall(b"garbage, and no HTTP\\\\r\\\\n\\\\r\\\\n")
    connection.close()
'''
    os.execv(sys.executable, [sys.executable, "-c", code])
"""


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def runtime() -> Any:
    """A client that tries once."""
    return boto3.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}, read_timeout=90))


@pytest.fixture(scope="module")
def serve(
    sagemaker: Any, scripted: Callable[[str], dict[str, Any]], role: str, unique: Callable[[str], str]
) -> Iterator[Callable[..., str]]:
    """Creates an endpoint of a script, and does not wait for it."""
    names: list[str] = []

    def serve(code: str, **environment: str) -> str:
        name = unique("model")
        container = {**scripted(code), "Environment": environment}
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
        variant = {
            "VariantName": "v",
            "ModelName": name,
            "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2},
        }
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        names.append(name)
        return name

    yield serve
    for name in names:
        sagemaker.delete_endpoint(EndpointName=name)
    for name in names:
        sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)


@pytest.fixture(scope="module")
def endpoints(sagemaker: Any, serve: Callable[..., str]) -> dict[str, str]:
    """All of them, side by side."""
    made = {
        "neighbour": serve(BAD),
        "leak": serve(BAD),
        "hang": serve(BAD, SAGEMAKER_MODEL_SERVER_TIMEOUT="2"),
        "garbage": serve(GARBAGE),
        "broken": serve(BROKEN),
    }
    for name in ("neighbour", "leak", "hang", "garbage"):
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=made[name], WaiterConfig=PATIENCE)
    return made


@pytest.fixture
def neighbour(runtime: Any, endpoints: dict[str, str]) -> Iterator[None]:
    """Somebody else's endpoint, asked again and again meanwhile; no answer may be missing."""
    over, wrong = threading.Event(), []

    def ask() -> None:
        while not over.wait(0.05):  # who asks without a pause keeps a processor busy
            try:
                answer = runtime.invoke_endpoint(EndpointName=endpoints["neighbour"], Body=json.dumps("hello"))
                assert json.loads(answer["Body"].read()) == "hello"
            except (ClientError, AssertionError) as error:
                wrong.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    yield
    over.set()
    asking.join(60)
    assert not wrong, wrong[:3]


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize(
    ("model", "wanted", "codes", "words"),
    [
        ("leak", "leak", {"ModelError", "ServiceUnavailable"}, ""),
        ("hang", "hang", {"ModelError"}, "2 s"),
        ("garbage", "anything", {"ModelError"}, "HTTP"),
        ("leak", "nothing", {"ModelError"}, "transform_fn"),
    ],
)
def test_what_a_model_does_wrong_has_its_error(
    runtime: Any, endpoints: dict[str, str], model: str, wanted: str, codes: set[str], words: str
) -> None:
    code, told = refusal(
        runtime.invoke_endpoint, EndpointName=endpoints[model], ContentType="application/json", Body=json.dumps(wanted)
    )
    assert code in codes, told
    assert words in told


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("model", ["leak", "hang"])
def test_what_has_leaked_or_hung_is_there_again(
    runtime: Any, endpoints: dict[str, str], model: str, eventually: Callable[..., Any]
) -> None:
    def back() -> bool:
        try:
            answer = runtime.invoke_endpoint(
                EndpointName=endpoints[model], ContentType="application/json", Body=json.dumps("back")
            )
        except ClientError:  # it is just being started again
            return False
        return bool(json.loads(answer["Body"].read()) == "back")

    eventually(back)


def test_a_model_that_does_not_load_fails_its_endpoint_in_its_own_words(
    sagemaker: Any, endpoints: dict[str, str], eventually: Callable[..., Any]
) -> None:
    def failed() -> Any:
        told = sagemaker.describe_endpoint(EndpointName=endpoints["broken"])
        return told if told["EndpointStatus"] == "Failed" else None

    assert "the weights are of another model" in eventually(failed)["FailureReason"]
