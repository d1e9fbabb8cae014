"""Images of one's own: built, pushed to ECR, trained and served on a server with the container engine."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import subprocess
import sysconfig
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from ..conftest import Server, eventually, free_port

PODMAN = os.environ.get("SAGEWRIGHT_PODMAN", "")
"""The command that speaks to the engine behind the socket, with its options."""
pytestmark = pytest.mark.skipif(not PODMAN, reason="no container engine: tests/run.sh starts one for SAGEWRIGHT_PODMAN")
SAMPLE = Path(__file__).parents[1] / "samples" / "own_image"
ENDS = {"Completed", "Failed", "Stopped"}


def podman(*words: str, stdin: str = "") -> str:
    done = subprocess.run([*PODMAN.split(), *words], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"podman {words}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def root_with_python(folder: Path) -> None:
    """This machine's Python and what it needs to run, as the root of an image: nothing can be fetched here."""
    library = Path(sysconfig.get_path("stdlib"))
    python = Path(os.path.realpath(f"{sysconfig.get_config_var('BINDIR')}/python{sysconfig.get_python_version()}"))
    programs = [str(python), *map(str, (library / "lib-dynload").glob("*.so"))]
    said = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    for path in set(re.findall(r"\s(/\S+\.so\S*) \(", said)):
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(path), target)
    program = folder / str(python).lstrip("/")
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(python, program)
    unwanted = shutil.ignore_patterns(
        "test", "tests", "__pycache__", "*-packages", "idlelib", "tkinter", "config-*", "ensurepip"
    )
    shutil.copytree(library, folder / str(library).lstrip("/"), ignore=unwanted)
    (folder / "usr/bin").mkdir(parents=True, exist_ok=True)
    link = folder / "usr/bin/python"
    link.symlink_to(python)


@dataclass
class World:
    """A server with the engine, its clients, an image in its ECR, and what it was started with."""

    server: Server
    session: Any
    image: str
    role: str
    rows: str

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=f"http://127.0.0.1:{self.server.port}")

    def made(self) -> tuple[list[str], list[str]]:
        """The containers and networks that the engine has of this server."""
        mark = f"label=sagewright={self.server.data / 'tasks'}"
        containers = podman("ps", "-a", "--filter", mark, "--format", "{{.Names}}").split()
        return containers, podman("network", "ls", "--filter", mark, "--format", "{{.Name}}").split()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("containers")
    server = Server(folder / "data", free_port(), folder / "server.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEWRIGHT_ENGINE", "container")
        server.start()
    told = server.environment()
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    session = boto3.Session(*(told[name] for name in names), region_name="us-east-1")
    world = World(server, session, "", "", "")
    arn = world.client("sts").get_caller_identity()["Arn"]
    world.role = str(world.client("iam").get_role(RoleName=arn.split("/")[1])["Role"]["Arn"])
    world.client("s3").create_bucket(Bucket="box")
    world.client("s3").put_object(Bucket="box", Key="train/a.csv", Body=b"1\n2\n3\n")
    world.image = pushed(world, folder)
    yield world
    server.stop()
    assert server.tail().count("Traceback") == 0, server.tail()


def pushed(world: World, folder: Path) -> str:
    """Build the image, log in and push it, as a user does. Its address as AWS would have it."""
    context = folder / "context"
    root_with_python(context / "root")
    shutil.copy(SAMPLE / "program.py", context)
    (context / "Dockerfile").write_text(
        "FROM scratch\nCOPY root /\nCOPY program.py /opt/program/main.py\nENV GREETING=hello\n"
        'ENTRYPOINT ["/usr/bin/python", "/opt/program/main.py"]\n'
    )
    ecr = world.client("ecr")
    ecr.create_repository(repositoryName="team/own")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    registry = f"127.0.0.1:{world.server.port}"
    authfile = str(folder / "auth.json")
    podman(
        "login", "--authfile", authfile, "--tls-verify=false", "-u", user, "--password-stdin", registry, stdin=password
    )
    podman("build", "-q", "-t", f"{registry}/team/own:1", str(context))
    podman("push", "-q", "--authfile", authfile, "--tls-verify=false", f"{registry}/team/own:1")
    podman("rmi", f"{registry}/team/own:1")  # so that it must be fetched
    return "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/own:1"


def request(world: World, name: str, count: int = 1, **hyperparameters: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://box/train/"}
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {
            "TrainingImage": world.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": r"loss: ([0-9.]+)"}],
        },
        "RoleArn": world.role,
        "HyperParameters": hyperparameters,
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": "s3://box/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def ended(world: World, name: str) -> dict[str, Any]:
    sagemaker = world.client("sagemaker")

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        return found if found["TrainingJobStatus"] in ENDS else None

    found = eventually(look)
    assert found is not None
    return found


def trained(world: World, name: str, count: int = 1, **hyperparameters: str) -> dict[str, Any]:
    world.client("sagemaker").create_training_job(**request(world, name, count, **hyperparameters))
    return ended(world, name)


def log(world: World, name: str) -> list[str]:
    group = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": name + "/"}
    return [event["message"] for event in world.client("logs").filter_log_events(**group)["events"]]


@pytest.fixture(scope="module")
def model(world: World) -> str:
    """The artifact of a job that ran in the image."""
    job = trained(world, "fit")
    assert job["TrainingJobStatus"] == "Completed", "\n".join(log(world, "fit")[-12:])
    return str(job["ModelArtifacts"]["S3ModelArtifacts"])


def test_an_image_trains_as_itself(world: World, model: str) -> None:
    bucket, _, key = model.removeprefix("s3://").partition("/")
    body = world.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        found = archive.extractfile("model.json")
        assert found is not None
        assert found.read() == b'{"mean": 2.0}'
    said = log(world, "fit")
    assert said[-4:] == [
        "training on algo-1",
        "credentials AccessKeyId",
        "loss: 0.25",
        "user 0 pid True arguments ['train']",
    ]
    job = world.client("sagemaker").describe_training_job(TrainingJobName="fit")
    assert [each["MetricName"] for each in job["FinalMetricDataList"]] == ["loss"]


def test_the_requests_own_entry_point_and_arguments_are_taken(world: World) -> None:
    asked = request(world, "entry")
    asked["AlgorithmSpecification"]["ContainerEntrypoint"] = [
        "/usr/bin/python",
        "-c",
        "import os, sys; print(os.environ['GREETING'], sys.argv)",
    ]
    asked["AlgorithmSpecification"]["ContainerArguments"] = ["--depth", "3"]
    world.client("sagemaker").create_training_job(**asked)
    assert ended(world, "entry")["TrainingJobStatus"] == "Completed"
    assert log(world, "entry")[-1] == "hello ['-c', '--depth', '3']"


def test_a_failure_is_told_in_its_own_words(world: World) -> None:
    job = trained(world, "fails", action="fail")
    assert job["TrainingJobStatus"] == "Failed"
    assert "AlgorithmError: the loss is not a number" in job["FailureReason"]
    assert "about to fail" in log(world, "fails")


def test_want_of_memory_is_told_from_other_deaths(world: World) -> None:
    asked = request(world, "swells", action="swell")
    asked["ResourceConfig"]["InstanceType"] = "ml.t3.medium"
    world.client("sagemaker").create_training_job(**asked)
    job = ended(world, "swells")
    assert "memory" in job["FailureReason"].lower()


def test_isolation_leaves_no_network(world: World) -> None:
    asked = request(world, "alone", action="isolated", port=str(world.server.port), outside="10.0.0.1")
    asked["EnableNetworkIsolation"] = True
    world.client("sagemaker").create_training_job(**asked)
    job = ended(world, "alone")
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert log(world, "alone")[-1] == "interfaces ['lo']"


def test_jobs_of_several_hosts_have_networks_of_their_own(world: World) -> None:
    """Both jobs listen on the same port at the same time; one of them reaches nobody else."""
    for name in ("first", "second"):
        asked = {**request(world, name, 2, action="meet"), "EnableNetworkIsolation": name == "second"}
        world.client("sagemaker").create_training_job(**asked)
    for name in ("first", "second"):
        job = ended(world, name)
        assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), log(world, name))
        assert "met algo-2 by eth0" in log(world, name)


def test_an_image_serves_as_itself(world: World, model: str) -> None:
    sagemaker = world.client("sagemaker")
    sagemaker.create_model(
        ModelName="own", PrimaryContainer={"Image": world.image, "ModelDataUrl": model}, ExecutionRoleArn=world.role
    )
    variant = {"VariantName": "all", "ModelName": "own", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    sagemaker.create_endpoint_config(EndpointConfigName="own", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="own", EndpointConfigName="own")

    def look() -> str | None:
        state = sagemaker.describe_endpoint(EndpointName="own")["EndpointStatus"]
        return state if state != "Creating" else None

    assert eventually(look) == "InService", world.server.tail()
    runtime = world.client("sagemaker-runtime")
    for number in range(20):
        body = runtime.invoke_endpoint(EndpointName="own", ContentType="text/csv", Body=str(number))["Body"].read()
        assert float(body) == number - 2.0
    sagemaker.delete_endpoint(EndpointName="own")


def test_an_image_transforms_a_batch(world: World, model: str) -> None:
    sagemaker, s3 = world.client("sagemaker"), world.client("s3")
    s3.put_object(Bucket="box", Key="batch/one.csv", Body=b"10\n20\n")
    sagemaker.create_model(
        ModelName="batch", PrimaryContainer={"Image": world.image, "ModelDataUrl": model}, ExecutionRoleArn=world.role
    )
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://box/batch/"}}
    sagemaker.create_transform_job(
        TransformJobName="batch",
        ModelName="batch",
        TransformInput={"DataSource": source, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": "s3://box/batched"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_transform_job(TransformJobName="batch")
        return found if found["TransformJobStatus"] in ENDS else None

    job = eventually(look)
    assert job is not None
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert s3.get_object(Bucket="box", Key="batched/one.csv.out")["Body"].read().split() == [b"8.0", b"18.0"]


def test_an_image_that_is_nowhere_is_refused_in_words(world: World) -> None:
    asked = request(world, "nowhere")
    asked["AlgorithmSpecification"]["TrainingImage"] = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/missing:1"
    world.client("sagemaker").create_training_job(**asked)
    job = ended(world, "nowhere")
    assert "Nor is it in a repository of this account's ECR" in job["FailureReason"]
    asked = request(world, "no-tag")
    asked["AlgorithmSpecification"]["TrainingImage"] = world.image.replace(":1", ":2")
    world.client("sagemaker").create_training_job(**asked)
    assert "cannot be fetched" in ended(world, "no-tag")["FailureReason"]


def test_nothing_is_left_behind(world: World) -> None:
    eventually(lambda: world.made() == ([], []))
    assert f"127.0.0.1:{world.server.port}/team/own" in podman("images", "--format", "{{.Repository}}").split()
