"""What the neighbours were told outlives whoever is killed: their process, or the whole server."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ..conftest import free_port


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
    session = boto3.Session(
        settings["AWS_ACCESS_KEY_ID"],
        settings["AWS_SECRET_ACCESS_KEY"],
        settings.get("AWS_SESSION_TOKEN"),
        region_name="us-east-1",
    )
    return lambda service: session.client(service, endpoint_url=f"http://127.0.0.1:{own.port}")


def neighbours_of(own: Any) -> int:
    """The id of their process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"sagewright.neighbours.host" in arguments and str(own.data).encode() in arguments:
            return int(folder.name)
    raise AssertionError("no process of the neighbours")


def test_everything_acknowledged_is_there_after_sigkill(own: Any, client: Callable[[str], Any]) -> None:
    kms, sqs, ec2, secrets = client("kms"), client("sqs"), client("ec2"), client("secretsmanager")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/data", TargetKeyId=key)
    data = kms.generate_data_key(KeyId="alias/data", KeySpec="AES_256")
    queue = sqs.create_queue(QueueName="work")["QueueUrl"]
    vpcs = {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]} | {
        ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    }

    def kill_server() -> None:
        own.process.kill()
        own.process.wait()
        own.start()

    for life, kill in enumerate((lambda: os.kill(neighbours_of(own), signal.SIGKILL), kill_server)):
        secrets.create_secret(Name=f"secret-{life}", SecretString="s")
        sqs.send_message(QueueUrl=queue, MessageBody=f"message {life}")
        kill()
        assert kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"] == data["Plaintext"]
        assert {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]} == vpcs
        assert secrets.get_secret_value(SecretId=f"secret-{life}")["SecretString"] == "s"
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        assert message["Body"] == f"message {life}"
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
