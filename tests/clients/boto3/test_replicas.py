"""Three servers on one data folder and one database: whatever is asked of one holds at the others, and any may die."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ..conftest import free_port

postgres = pytest.importorskip("sagewright.testing.postgres", reason="runs where Sagewright itself is installed")

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
GROUP = "/aws/sagemaker/TrainingJobs"
TRAIN = """
import os, pathlib, sys, time
print("began", flush=True)
end = time.time() + float(sys.argv[sys.argv.index("--seconds") + 1])
while time.time() < end:
    print("loss=1.5", flush=True)
    time.sleep(0.2)
pathlib.Path(os.environ["SM_MODEL_DIR"], "m").write_text("x")
print("ended", flush=True)
"""
MODEL = """
import os
def model_fn(folder):
    return None
def input_fn(body, kind):
    return body
def predict_fn(data, model):
    return f"{os.environ.get('WHO', '')}:{os.stat('/opt/ml').st_ino}"
def output_fn(answer, accept):
    return answer, "text/plain"
"""
PATIENCE = 300


class Replicas:
    """The servers, and clients of each."""

    def __init__(self, make: Callable[..., Any], folder: Path, store: str) -> None:
        self.store, self.folder = store, folder
        self.servers = [
            make(
                folder / "data",
                free_port(),
                folder / f"{name}.log",
                more=("--replica", "--serverless-idle", "3600"),
            )
            for name in "abc"
        ]
        for each in self.servers:
            each.start()
        keys = self.servers[0].environment()
        self.session = boto3.Session(
            keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"], "us-east-1"
        )
        self._clients: dict[tuple[int, str], Any] = {}
        self._turn = itertools.count()

    def at(self, number: int, service: str) -> Any:
        """A client of one of them."""
        if (number, service) not in self._clients:
            self._clients[number, service] = self.client(number, service, self.session)
        return self._clients[number, service]

    def client(self, number: int, service: str, session: Any, **config: Any) -> Any:
        url = f"http://127.0.0.1:{self.servers[number].port}"
        return session.client(service, endpoint_url=url, config=Config(retries={"mode": "standard"}, **config))

    def any(self, service: str) -> Any:
        """A client of the next one that lives."""
        living = [number for number, each in enumerate(self.servers) if each.process is not None]
        return self.at(living[next(self._turn) % len(living)], service)

    def leader(self) -> int:
        """Which of them runs the controllers."""
        with psycopg().connect(self.store, autocommit=True) as connection:
            row = connection.execute("SELECT owner FROM leases WHERE name = 'controllers'").fetchone()
        port = int(row[0].rpartition(":")[2]) if row else 0
        return next((n for n, each in enumerate(self.servers) if each.process and each.port == port), -1)

    def kill(self, number: int) -> None:
        self.servers[number].kill()
        self.servers[number].process = None

    def revive(self) -> None:
        for each in self.servers:
            if each.process is None:
                each.start()

    def settled(self, eventually: Callable[..., Any]) -> int:
        """The leader, once there is one."""
        eventually(lambda: self.leader() >= 0, timeout=PATIENCE)
        return self.leader()


def psycopg() -> Any:
    return pytest.importorskip("psycopg")


@pytest.fixture(scope="module")
def three(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    try:
        with postgres.serving() as database, pytest.MonkeyPatch.context() as patch:
            store = database.new_database()
            patch.setenv("SAGEWRIGHT_STORE", store)
            made = Replicas(type(server), folder, store)
            yield made
            for each in made.servers:
                if each.process is not None:
                    assert each.stop() == 0, each.tail()
            logs = "".join(each.log.read_text() for each in made.servers)
            failed = logs.find("Traceback")
            assert failed < 0, logs[max(0, failed - 500) : failed + 3000]
    except postgres.NoPostgres as error:
        pytest.skip(str(error))


@pytest.fixture
def replicas(three: Replicas) -> Iterator[Replicas]:
    """All of them alive, before and after."""
    yield three
    three.revive()


@pytest.fixture(scope="module")
def arn(three: Replicas) -> str:
    """The execution role."""
    return str(three.at(1, "iam").get_role(RoleName="SagewrightExecutionRole")["Role"]["Arn"])


@pytest.fixture(scope="module")
def store(three: Replicas) -> str:
    return upload(three)


def upload(three: Replicas) -> str:
    """A bucket with a job's code and a model, its name."""
    three.at(0, "s3").create_bucket(Bucket="shared")
    for number, (key, name, text) in enumerate(
        (("code.tar.gz", "train.py", TRAIN), ("model.tar.gz", "code/inference.py", MODEL))
    ):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        three.at(number + 1, "s3").put_object(Bucket="shared", Key=key, Body=buffer.getvalue())
    return "shared"


def train(client: Any, name: str, arn: str, store: str, seconds: float) -> None:
    told = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{store}/code.tar.gz",
        "seconds": seconds,
    }
    client.create_training_job(
        TrainingJobName=name,
        RoleArn=arn,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        },
        HyperParameters={key: json.dumps(value) for key, value in told.items()},
        OutputDataConfig={"S3OutputPath": f"s3://{store}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )


def serve(client: Any, name: str, arn: str, store: str, **variant: Any) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{store}/model.tar.gz", "Environment": {"WHO": name}}
    client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=arn)
    sort = variant or {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    variants = [{"VariantName": "AllTraffic", "ModelName": name, **sort}]
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)


def answers(client: Any, name: str, **more: Any) -> str:
    return str(client.invoke_endpoint(EndpointName=name, Body=b"x", ContentType="text/plain", **more)["Body"].read())


def in_service(replicas: Replicas, name: str, eventually: Callable[..., Any]) -> None:
    def state() -> bool:
        told = replicas.any("sagemaker").describe_endpoint(EndpointName=name)
        assert told["EndpointStatus"] != "Failed", told
        return bool(told["EndpointStatus"] == "InService")

    eventually(state, timeout=PATIENCE)


def test_each_reads_at_once_what_another_wrote(replicas: Replicas, arn: str) -> None:
    for number in range(12):
        name = f"m{number}"
        container = {"Image": IMAGE}
        replicas.any("sagemaker").create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=arn)
        assert replicas.any("sagemaker").describe_model(ModelName=name)["ModelName"] == name
        assert name in [each["ModelName"] for each in replicas.any("sagemaker").list_models(MaxResults=100)["Models"]]
        replicas.any("sagemaker").delete_model(ModelName=name)
        with pytest.raises(ClientError, match="Could not find model"):
            replicas.any("sagemaker").describe_model(ModelName=name)


def test_buckets_and_objects(replicas: Replicas) -> None:
    s3 = replicas.any
    s3("s3").create_bucket(Bucket="everywhere")
    for number in range(12):
        s3("s3").put_object(Bucket="everywhere", Key="k", Body=b"%d" % number * 50_000)
        assert s3("s3").get_object(Bucket="everywhere", Key="k")["Body"].read() == b"%d" % number * 50_000
    for status in ("Enabled", "Suspended", "Enabled"):
        s3("s3").put_bucket_versioning(Bucket="everywhere", VersioningConfiguration={"Status": status})
        put = s3("s3").put_object(Bucket="everywhere", Key=status, Body=b"")
        assert (put.get("VersionId", "null") != "null") == (status == "Enabled")
    upload = s3("s3").create_multipart_upload(Bucket="everywhere", Key="big")["UploadId"]
    about = {"Bucket": "everywhere", "Key": "big", "UploadId": upload}
    parts = [
        {"PartNumber": n, "ETag": s3("s3").upload_part(**about, PartNumber=n, Body=bytes([n]) * (5 << 20))["ETag"]}
        for n in (1, 2, 3)
    ]
    s3("s3").complete_multipart_upload(**about, MultipartUpload={"Parts": parts})
    body = s3("s3").get_object(Bucket="everywhere", Key="big", Range="bytes=5242878-5242881")["Body"].read()
    assert body == b"\1\1\2\2"
    # A reader of one keeps what is deleted at another.
    reading = s3("s3").get_object(Bucket="everywhere", Key="big")["Body"]
    first = reading.read(10)
    s3("s3").put_bucket_versioning(Bucket="everywhere", VersioningConfiguration={"Status": "Suspended"})
    for version in s3("s3").list_object_versions(Bucket="everywhere")["Versions"]:
        s3("s3").delete_object(Bucket="everywhere", Key=version["Key"], VersionId=version["VersionId"])
    assert len(first + reading.read()) == 3 * (5 << 20)
    s3("s3").delete_bucket(Bucket="everywhere")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3("s3").put_object(Bucket="everywhere", Key="k", Body=b"x")


def test_credentials_and_presigned_addresses_count_everywhere(replicas: Replicas, arn: str, store: str) -> None:
    keys = replicas.at(0, "sts").assume_role(RoleArn=arn, RoleSessionName="somebody")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1")
    for number in range(3):
        told = replicas.client(number, "sts", session).get_caller_identity()["Arn"]
        assert told.endswith("assumed-role/SagewrightExecutionRole/somebody")
    # The address is signed for the host that it names, as behind a load balancer.
    url = replicas.at(0, "s3").generate_presigned_url("get_object", {"Bucket": store, "Key": "code.tar.gz"})
    host = f"127.0.0.1:{replicas.servers[0].port}"
    for each in replicas.servers:
        there = url.replace(host, f"127.0.0.1:{each.port}")
        request = urllib.request.Request(there, headers={"Host": host})
        assert urllib.request.urlopen(request).read()[:2] == b"\x1f\x8b"


def test_what_iam_takes_away_is_gone_everywhere(replicas: Replicas, eventually: Callable[..., Any]) -> None:
    iam = replicas.at(0, "iam")
    iam.create_user(UserName="u")
    document = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
    }
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(document))
    keys = replicas.at(1, "iam").create_access_key(UserName="u")["AccessKey"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name="us-east-1")
    clients = [replicas.client(number, "s3", session) for number in range(3)]
    for each in clients:
        each.list_buckets()
    iam.delete_user_policy(UserName="u", PolicyName="p")

    def denied() -> bool:
        try:
            for each in clients:
                with pytest.raises(ClientError, match="AccessDenied"):
                    each.list_buckets()
        except pytest.fail.Exception:
            return False
        return True

    eventually(denied)


def test_logs_metrics_and_neighbours(replicas: Replicas) -> None:
    replicas.any("logs").create_log_group(logGroupName="g")
    replicas.any("logs").create_log_stream(logGroupName="g", logStreamName="s")
    now = int(time.time() * 1000)
    for number in range(6):
        events = [{"timestamp": now + number, "message": f"m{number}"}]
        replicas.any("logs").put_log_events(logGroupName="g", logStreamName="s", logEvents=events)
    told = replicas.any("logs").get_log_events(logGroupName="g", logStreamName="s", startFromHead=True)["events"]
    assert [event["message"] for event in told] == [f"m{number}" for number in range(6)]
    minute = now // 60_000 * 60
    for _ in range(6):
        data = [{"MetricName": "n", "Value": 2, "Timestamp": minute}]
        replicas.any("cloudwatch").put_metric_data(Namespace="own", MetricData=data)
    found = replicas.any("cloudwatch").get_metric_statistics(
        Namespace="own", MetricName="n", StartTime=minute, EndTime=minute + 60, Period=60, Statistics=["Sum"]
    )
    assert [point["Sum"] for point in found["Datapoints"]] == [12]
    queue = replicas.any("sqs").create_queue(QueueName="q")["QueueUrl"]
    replicas.any("sqs").send_message(QueueUrl=queue, MessageBody="hello")
    assert [m["Body"] for m in replicas.any("sqs").receive_message(QueueUrl=queue)["Messages"]] == ["hello"]


def test_a_job_ends_although_the_server_that_ran_it_was_killed(
    replicas: Replicas, arn: str, store: str, eventually: Callable[..., Any]
) -> None:
    leader = replicas.settled(eventually)
    train(replicas.at(leader, "sagemaker"), "long", arn, store, 8)

    def told(name: str) -> Any:
        return replicas.any("sagemaker").describe_training_job(TrainingJobName=name)

    eventually(lambda: told("long")["SecondaryStatus"] == "Training", timeout=PATIENCE)
    replicas.kill(leader)
    train(replicas.any("sagemaker"), "meanwhile", arn, store, 0.5)
    for name in ("long", "meanwhile"):
        eventually(lambda: told(name)["TrainingJobStatus"] == "Completed", timeout=PATIENCE)  # noqa: B023
        stream = replicas.any("logs").describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")
        (stream,) = [each["logStreamName"] for each in stream["logStreams"]]
        events = replicas.any("logs").get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)
        lines = [event["message"] for event in events["events"]]
        assert (lines.count("began"), lines.count("ended")) == (1, 1), lines


def test_an_endpoint_outlives_the_server_that_made_it(
    replicas: Replicas, arn: str, store: str, eventually: Callable[..., Any]
) -> None:
    leader = replicas.settled(eventually)
    serve(replicas.at(leader, "sagemaker"), "steady", arn, store)
    in_service(replicas, "steady", eventually)
    instance = {answers(replicas.at(number, "sagemaker-runtime"), "steady") for number in range(3)}
    assert len(instance) == 1, "one model server answers through all of them"
    replicas.kill(leader)
    assert {answers(replicas.any("sagemaker-runtime"), "steady") for _ in range(6)} == instance
    replicas.any("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="steady", DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    )
    in_service(replicas, "steady", eventually)
    assert len({answers(replicas.any("sagemaker-runtime"), "steady") for _ in range(8)}) == 2
    # A server that is asked to stop leaves the model servers to the others.
    replicas.revive()
    last = replicas.settled(eventually)
    assert replicas.servers[last].stop() == 0
    replicas.servers[last].process = None
    assert len({answers(replicas.any("sagemaker-runtime"), "steady") for _ in range(8)}) == 2
    replicas.any("sagemaker").delete_endpoint(EndpointName="steady")


def test_a_serverless_endpoint_is_kept_by_one_and_asked_through_all(
    replicas: Replicas, arn: str, store: str, eventually: Callable[..., Any]
) -> None:
    leader = replicas.settled(eventually)
    serve(
        replicas.at(leader, "sagemaker"), "elastic", arn, store,
        ServerlessConfig={"MemorySizeInMB": 1024, "MaxConcurrency": 2},
    )  # fmt: skip
    in_service(replicas, "elastic", eventually)
    assert len({answers(replicas.at(number, "sagemaker-runtime"), "elastic") for number in (0, 1, 2, 0, 1)}) == 1
    replicas.kill(leader)
    assert answers(replicas.any("sagemaker-runtime"), "elastic").startswith("b'elastic:")
    replicas.any("sagemaker").delete_endpoint(EndpointName="elastic")


def test_who_slept_through_its_lease_begins_anew(
    replicas: Replicas, arn: str, store: str, eventually: Callable[..., Any]
) -> None:
    leader = replicas.settled(eventually)
    process = replicas.servers[leader].process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        eventually(lambda: replicas.leader() not in (leader, -1), timeout=PATIENCE)
        other = replicas.leader()
        train(replicas.at(other, "sagemaker"), "taken-over", arn, store, 0.5)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    job = {"TrainingJobName": "taken-over"}
    eventually(
        lambda: replicas.at(other, "sagemaker").describe_training_job(**job)["TrainingJobStatus"] == "Completed",
        timeout=PATIENCE,
    )
    eventually(lambda: "took the controllers over" in replicas.servers[leader].log.read_text(), timeout=PATIENCE)
    eventually(replicas.servers[leader].answers, timeout=PATIENCE)
    assert replicas.at(leader, "sagemaker").describe_training_job(**job)["TrainingJobStatus"] == "Completed"


def test_one_is_started_anew_without_a_gap(replicas: Replicas) -> None:
    told = replicas.servers[1].command("restart")
    assert "answers at" in told
    assert replicas.at(1, "sts").get_caller_identity()["Account"] == "123456789012"
