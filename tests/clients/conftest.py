"""A server started as a user would start it, and an environment as `sagewright env` gives it.

Runs inside each client's own environment (`.venvs/…`), so nothing of Sagewright is imported here.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SAGEWRIGHT = ROOT / ".venv" / "bin" / "sagewright"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SDK_VERSIONS = {"sdk_v2": "2", "sdk_v3": "3"}
T = TypeVar("T")
_held: list[socket.socket] = []


def sdk_version() -> str | None:
    """The major version of the SageMaker SDK in this environment."""
    try:
        return importlib.metadata.version("sagemaker").split(".")[0]
    except importlib.metadata.PackageNotFoundError:
        return None


collect_ignore = [folder for folder, version in SDK_VERSIONS.items() if version != sdk_version()]
if importlib.util.find_spec("ray") is None:
    collect_ignore.append("ray")
if importlib.util.find_spec("playwright") is None:
    collect_ignore.append("browser")
if importlib.util.find_spec("awswrangler") is None:
    collect_ignore.append("data")
if importlib.util.find_spec("sagemaker_mlflow") is None or sdk_version() is not None:
    collect_ignore.append("mlflow")


def pytest_report_header() -> list[str]:
    """Say what is left out here, and where it runs."""
    return [f"tests/clients/{folder} runs in .venvs/{folder} (sh tests/run.sh {folder})" for folder in collect_ignore]


@dataclass
class Server:
    """A `sagewright up` of its own, with a data folder of its own."""

    data: Path
    port: int
    log: Path
    more: tuple[str, ...] = ()
    """Options of `up` besides."""
    process: subprocess.Popen[bytes] | None = field(default=None)
    program: tuple[str, ...] = (str(SAGEWRIGHT),)

    @property
    def options(self) -> list[str]:
        """What every command takes to find this server."""
        return ["--port", str(self.port), "--data", str(self.data)]

    def start(self) -> None:
        """Start it and wait until its port answers."""
        environment = {"SAGEWRIGHT_RUNTIMES": str(ROOT / ".cache" / "runtimes"), **os.environ}
        with self.log.open("ab") as log:
            command = [*self.program, "up", *self.options, *self.more]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        eventually(self.answers)

    def answers(self) -> bool:
        """Whether the port takes connections yet."""
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended by itself:\n{self.tail()}"
        with socket.socket() as probe:
            connected = probe.connect_ex(("127.0.0.1", self.port)) == 0
            # Who connects to a port that nobody listens on may be given that very port, and meet itself.
            return connected and probe.getsockname() != probe.getpeername()

    def environment(self) -> dict[str, str]:
        """The variables of a shell after `eval "$(sagewright env)"`."""
        command = 'settings=$("$0" env "$@") && eval "$settings" && exec env -0'
        shell = ["sh", "-c", command, str(SAGEWRIGHT), *self.options]
        done = subprocess.run(shell, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"`sagewright env` failed:\n{done.stderr}"
        return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)

    def command(self, *words: str) -> str:
        """What `sagewright WORDS` prints about this server."""
        told = [str(SAGEWRIGHT), *words, *self.options]
        return subprocess.run(told, check=True, capture_output=True, text=True).stdout

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ctrl-C, and what it ended with."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def tail(self, lines: int = 60) -> str:
        """The end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def free_port() -> int:
    """A port that nobody else is given while this process runs. It is held without being listened on: that leaves it
    to all the lives of a server that reuses addresses, as ours does."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _held.append(held)
    return int(held.getsockname()[1])


class Door:
    """Where models wait: one that connects to the port reads nothing until it is let go, and then an end."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(300)
        self.port = int(self._listener.getsockname()[1])
        self._waiting: list[socket.socket] = []

    def wait_for(self, count: int) -> None:
        """Until so many more have come."""
        for _ in range(count):
            self._waiting.append(self._listener.accept()[0])

    def let_go(self) -> None:
        """Those who wait."""
        while self._waiting:
            self._waiting.pop().close()

    def close(self) -> None:
        self._listener.close()
        self.let_go()


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    yield made
    made.close()


def eventually(attempt: Callable[[], T], timeout: float = 300, every: float | None = None) -> T:
    """The first true answer of `attempt`; what it last said when the time is over.

    It asks `every` so many seconds; by itself ten times a second at first and twice at last, for asking costs as well.
    """
    begun = time.monotonic()
    while True:
        answer = attempt()
        if answer:
            return answer
        waited = time.monotonic() - begun
        assert waited < timeout, f"not within {timeout} s; last answer: {answer!r}"
        time.sleep(every or min(0.1 + waited / 40, 0.5))


@pytest.fixture(scope="session", name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    """Ask until the answer is true, with a bounded time."""
    return eventually


def stop_what_runs() -> None:
    """Jobs, notebook instances and MLflow's servers outlive the server that started them."""
    import boto3

    sagemaker = boto3.client("sagemaker")
    tuning = sagemaker.list_hyper_parameter_tuning_jobs(StatusEquals="InProgress", MaxResults=100)
    for summary in tuning["HyperParameterTuningJobSummaries"]:  # they would start others
        job = summary["HyperParameterTuningJobName"]
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    processing = sagemaker.list_processing_jobs(StatusEquals="InProgress", MaxResults=100)["ProcessingJobSummaries"]
    for job in processing:
        name = {"ProcessingJobName": job["ProcessingJobName"]}
        sagemaker.stop_processing_job(**name)
        waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
        waiter.wait(**name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    running = sagemaker.list_training_jobs(StatusEquals="InProgress", MaxResults=100)["TrainingJobSummaries"]
    for job in running:
        name = {"TrainingJobName": job["TrainingJobName"]}
        sagemaker.stop_training_job(**name)
        waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
        waiter.wait(**name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    for notebook in sagemaker.list_notebook_instances(StatusEquals="InService")["NotebookInstances"]:
        name = {"NotebookInstanceName": notebook["NotebookInstanceName"]}
        sagemaker.stop_notebook_instance(**name)
        waiter = sagemaker.get_waiter("notebook_instance_stopped")
        waiter.wait(**name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    servers = sagemaker.list_mlflow_tracking_servers()["TrackingServerSummaries"]
    for server in servers:
        sagemaker.delete_mlflow_tracking_server(TrackingServerName=server["TrackingServerName"])
    if servers:
        eventually(lambda: not sagemaker.list_mlflow_tracking_servers()["TrackingServerSummaries"])


@pytest.fixture(scope="session")
def server_options() -> dict[str, Any]:
    """How the session's server is started, where not as usual: fields of `Server`."""
    return {}


@pytest.fixture(scope="session", autouse=True)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server_options: dict[str, Any]
) -> Iterator[Server]:
    """One server for the session; this process gets the user's environment, and no other AWS setting."""
    folder = tmp_path_factory.mktemp("sagewright")
    for name in [name for name in os.environ if name.startswith(("AWS_", "SAGEMAKER_", "TF_"))]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(folder / "none")
    server = Server(folder / "data", free_port(), folder / "server.log", **server_options)
    try:
        server.start()
        os.environ.update(server.environment())
        # A fresh interpreter would take these from PYTHONPATH; this one has already started.
        sys.path[:0] = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        yield server
        ended = server.process.poll() if server.process else None
        assert ended is None, f"the server ended by itself, with status {ended}:\n{server.tail()}"
        stop_what_runs()
        assert server.stop() == 0, "Ctrl-C did not end the server cleanly"
    finally:
        if server.process and server.process.poll() is None:
            server.stop()
        if request.session.testsfailed:
            sys.stderr.write(f"\n--- the server's last lines ({server.log}) ---\n{server.tail()}\n")


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test, which may kill it; the environment goes on naming the other."""
    server = Server(tmp_path / "data", free_port(), tmp_path / "server.log")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session", autouse=True)
def outside() -> Iterator[list[str]]:
    """The hosts this process asked for that are not this machine: none, or telemetry or a call to AWS got out."""
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def local_only(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in (None, "127.0.0.1", "localhost", "::1"):
            asked.append(name)
            raise socket.gaierror(socket.EAI_NONAME, f"tests do not leave this machine: {name}")
        return resolve(host, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", local_only)
        yield asked
    assert asked == []


class Hurry:
    """Stands in for the module `time` in a client that looks every half minute: its clock runs so much faster."""

    FACTOR = 30  # a look each third of a second where the SDK looks each ten: it costs both sides some 10 ms

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def time(self) -> float:
        return time.time() * self.FACTOR

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.FACTOR)


@pytest.fixture(scope="module")
def hurry() -> Iterator[Callable[[Any], None]]:
    """Hurries a client's module that has imported `time`: it does all that it does, without the pauses."""
    with pytest.MonkeyPatch.context() as patch:
        yield lambda module: patch.setattr(module, "time", Hurry())


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def unique() -> Callable[[str], str]:
    """Names that no other test uses."""
    return lambda stem: f"{stem}-{next(_numbers)}"


@pytest.fixture(scope="session")
def role() -> str:
    """The ARN of the role whose session the environment holds."""
    import boto3

    arn = boto3.client("sts").get_caller_identity()["Arn"]
    name = arn.split(":assumed-role/")[1].split("/")[0]
    return str(boto3.client("iam").get_role(RoleName=name)["Role"]["Arn"])


@pytest.fixture(scope="session")
def bucket() -> str:
    """A bucket for what the tests upload."""
    import boto3

    boto3.client("s3").create_bucket(Bucket="client-tests")
    return "client-tests"


@pytest.fixture(scope="session")
def housing(bucket: str) -> str:
    """Where the housing data lie, as a channel's address."""
    import boto3

    boto3.client("s3").upload_file(str(ROOT / "examples" / "housing.csv"), bucket, "housing/housing.csv")
    return f"s3://{bucket}/housing/"


@pytest.fixture(scope="session")
def rows() -> list[list[float]]:
    """Three houses without their price, as a client would send them."""
    lines = (ROOT / "examples" / "housing.csv").read_text().splitlines()[:3]
    return [[float(value) for value in line.split(",")[:-1]] for line in lines]


@pytest.fixture(scope="session")
def source(bucket: str) -> Callable[[Path], str]:
    """Packs a script as the SDKs do and uploads it."""
    import boto3

    def upload(script: Path) -> str:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            archive.add(script, script.name)
        key = f"source/{script.stem}/sourcedir.tar.gz"
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=buffer.getvalue())
        return f"s3://{bucket}/{key}"

    return upload


@pytest.fixture(scope="session")
def job_request(
    role: str, bucket: str, housing: str, source: Callable[[Path], str], unique: Callable[[str], str]
) -> Callable[..., dict[str, Any]]:
    """A CreateTrainingJob in script mode, as someone without the SDK writes it."""

    def request(script: Path = ROOT / "examples/housing/train.py", **hyperparameters: Any) -> dict[str, Any]:
        code = {"sagemaker_program": script.name, "sagemaker_submit_directory": source(script)}
        channel = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": housing}}
        return {
            "TrainingJobName": unique("housing"),
            "RoleArn": role,
            "AlgorithmSpecification": {"TrainingImage": SKLEARN, "TrainingInputMode": "File"},
            "HyperParameters": {k: json.dumps(v) for k, v in {**hyperparameters, **code}.items()},
            "InputDataConfig": [{"ChannelName": "train", "DataSource": channel, "ContentType": "text/csv"}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/jobs"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }

    return request


@pytest.fixture(scope="session")
def trained(job_request: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A finished training job on the housing data: what DescribeTrainingJob says of it."""
    import boto3

    sagemaker = boto3.client("sagemaker")
    request = job_request(**{"n-estimators": 50})
    request["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "validation:rmse", "Regex": "validation:rmse=([0-9.]+)"}
    ]
    sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    return dict(sagemaker.describe_training_job(TrainingJobName=name))


@pytest.fixture(scope="session")
def container(trained: dict[str, Any], job_request: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A model's container: the trained model, and the script that loads it."""
    code = job_request()["HyperParameters"]
    return {
        "Image": SKLEARN,
        "ModelDataUrl": trained["ModelArtifacts"]["S3ModelArtifacts"],
        "Environment": {
            "SAGEMAKER_PROGRAM": json.loads(code["sagemaker_program"]),
            "SAGEMAKER_SUBMIT_DIRECTORY": json.loads(code["sagemaker_submit_directory"]),
        },
    }
