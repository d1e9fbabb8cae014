"""A channel of very many objects: the job starts before all are listed, and outlives the server that lists them."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from ..conftest import free_port

COUNT = 1_300
SCRIPT = """
import hashlib, os, sys, time
folder = "/opt/ml/input/data/train"
print("begun", flush=True)
while not os.path.exists("/opt/ml/model/go"):
    time.sleep(0.05)
    if len(os.listdir(folder)) == COUNT:
        open("/opt/ml/model/go", "w").close()
names = sorted(os.listdir(folder))
text = "".join(open(os.path.join(folder, name)).read() for name in names)
print("read", len(names), hashlib.sha256(text.encode()).hexdigest(), flush=True)
time.sleep(3)
again = "".join(open(os.path.join(folder, name)).read() for name in names)
try:
    open(os.path.join(folder, "new"), "w")
except OSError as problem:
    print("again", again == text, problem.strerror, flush=True)
"""


@pytest.fixture
def own(server: Any, tmp_path: Path) -> Iterator[Any]:
    """A server of one's own, which may be killed."""
    made = type(server)(tmp_path / "data", free_port(), tmp_path / "log")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def client(own: Any) -> Callable[[str], Any]:
    """Clients of that server."""
    settings = own.environment()
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    session = boto3.Session(*(settings.get(name) for name in names), region_name="us-east-1")
    return lambda service: session.client(service, endpoint_url=f"http://127.0.0.1:{own.port}")


def test_the_job_outlives_the_server(
    own: Any, client: Callable[[str], Any], job_request: Any, eventually: Any, tmp_path: Path
) -> None:
    s3, sagemaker, logs = client("s3"), client("sagemaker"), client("logs")
    s3.create_bucket(Bucket="many")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(s3, number), range(COUNT)))
    request = asked(client, job_request, tmp_path)
    sagemaker.create_training_job(**request)
    name = {"TrainingJobName": request["TrainingJobName"]}
    eventually(lambda: sagemaker.describe_training_job(**name)["SecondaryStatus"] == "Training", every=0.01)
    own.kill()
    own.start()

    def said() -> dict[str, str]:
        group = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": request["TrainingJobName"]}
        lines = [event["message"] for event in logs.filter_log_events(**group)["events"]]
        return {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in lines}

    eventually(lambda: "read" in said())
    for number in range(0, COUNT, 100):
        s3.delete_object(Bucket="many", Key=key(number))
    eventually(lambda: sagemaker.describe_training_job(**name)["TrainingJobStatus"] != "InProgress")
    job = sagemaker.describe_training_job(**name)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), said())
    assert said()["read"].startswith(f"{COUNT} ")
    assert said()["again"] == "True Read-only file system"
    # Nothing is left: no mount, no process that serves one, no folder.
    eventually(lambda: str(own.data) not in Path("/proc/self/mountinfo").read_text())
    eventually(lambda: not any((own.data / "tasks").glob("train-*")))
    eventually(lambda: not serving(own.data))


def key(number: int) -> str:
    return f"data/{number:05d}.txt"


def put(s3: Any, number: int) -> None:
    """Every other one is large enough for a file of its own."""
    s3.put_object(Bucket="many", Key=key(number), Body=f"{number}\n" * (1 if number % 2 else 2000))


def asked(client: Callable[[str], Any], job_request: Any, tmp_path: Path) -> dict[str, Any]:
    """A job on all of them, on the other server."""
    script = tmp_path / "wait.py"
    script.write_text(SCRIPT.replace("COUNT", str(COUNT)))
    request: dict[str, Any] = job_request(script)
    there = boto3.client("s3")
    bucket, _, where = json.loads(request["HyperParameters"]["sagemaker_submit_directory"])[5:].partition("/")
    client("s3").put_object(
        Bucket="many", Key="code.tar.gz", Body=there.get_object(Bucket=bucket, Key=where)["Body"].read()
    )
    request["HyperParameters"]["sagemaker_submit_directory"] = '"s3://many/code.tar.gz"'
    request["OutputDataConfig"]["S3OutputPath"] = "s3://many/out"
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://many/data/"
    return request


def serving(data: Path) -> list[str]:
    """Processes that show channels of this server's tasks."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text(errors="replace").split("\0")
        except OSError:
            continue
        if any("mounted" in word for word in words) and any(str(data) in word for word in words):
            found.append(process.name)
    return found
