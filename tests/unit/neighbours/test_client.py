"""The process of the neighbours: started late, killed at will, asked again, gone with its server."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.neighbours.client import Neighbours

WHERE = {"account": "123456789012", "region": "us-east-1"}
Ask = Callable[..., dict[str, Any]]


def kill(neighbours: Neighbours) -> None:
    assert neighbours.pid is not None
    os.kill(neighbours.pid, signal.SIGKILL)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def soon(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 60
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def test_nothing_runs_before_somebody_asks(neighbours: Neighbours, ask: Ask) -> None:
    assert neighbours.pid is None
    with pytest.raises(AwsError, match="no virtual machines"):
        ask("ec2", "RunInstances", MinCount=1, MaxCount=1)
    assert neighbours.pid is None
    ask("kms", "ListKeys")
    assert neighbours.pid is not None


def test_the_server_itself_knows_nothing_of_moto() -> None:
    code = "import sys, sagewright.cli.up, sagewright.compose; sys.exit('moto' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_key_decrypts_after_its_process_was_killed(neighbours: Neighbours, ask: Ask) -> None:
    key = ask("kms", "CreateKey")["KeyMetadata"]["KeyId"]
    rsa = ask("kms", "CreateKey", KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    sealed = ask("kms", "Encrypt", KeyId=key, Plaintext=b"weights")["CiphertextBlob"]
    how = {"KeyId": rsa, "Message": b"m", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    signature = ask("kms", "Sign", **how)["Signature"]
    kill(neighbours)
    assert ask("kms", "Decrypt", CiphertextBlob=sealed)["Plaintext"] == b"weights"
    assert ask("kms", "Verify", **how, Signature=signature)["SignatureValid"]


def test_the_next_server_finds_what_the_last_one_left(tmp_path: Path) -> None:
    with closing(Neighbours(tmp_path)) as first:
        vpcs = first.ask("ec2", "DescribeVpcs", {}, **WHERE)["Vpcs"]
        first.ask("secretsmanager", "CreateSecret", {"Name": "git", "SecretString": "s"}, **WHERE)
    with closing(Neighbours(tmp_path)) as second:
        assert second.ask("secretsmanager", "GetSecretValue", {"SecretId": "git"}, **WHERE)["SecretString"] == "s"
        again = second.ask("ec2", "DescribeVpcs", {}, **WHERE)["Vpcs"]
    assert [vpc["VpcId"] for vpc in again] == [vpc["VpcId"] for vpc in vpcs]
    assert [vpc["IsDefault"] for vpc in vpcs] == [True]


def test_a_published_message_waits_in_its_queue_whoever_is_killed(neighbours: Neighbours, ask: Ask) -> None:
    queue = ask("sqs", "CreateQueue", QueueName="done")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:done"
    topic = ask("sns", "CreateTopic", Name="done")["TopicArn"]
    ask("sns", "Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    ask("sns", "Publish", TopicArn=topic, Message="trained")
    kill(neighbours)
    (message,) = ask("sqs", "ReceiveMessage", QueueUrl=queue)["Messages"]
    assert message["Body"] == "trained"


def test_what_was_deleted_stays_deleted(neighbours: Neighbours, ask: Ask) -> None:
    queue = ask("sqs", "CreateQueue", QueueName="gone")["QueueUrl"]
    ask("ssm", "PutParameter", Name="/gone", Value="1", Type="String")
    assert ask("sqs", "DeleteQueue", QueueUrl=queue) == ask("ssm", "DeleteParameter", Name="/gone") == {}
    kill(neighbours)
    assert ask("sqs", "ListQueues") == {}
    assert ask("ssm", "DescribeParameters")["Parameters"] == []


def test_a_question_under_way_when_the_process_dies_is_answered_by_the_next(neighbours: Neighbours, ask: Ask) -> None:
    ask("codecommit", "ListRepositories")
    assert neighbours.pid is not None
    os.kill(neighbours.pid, signal.SIGSTOP)
    answers: list[dict[str, Any]] = []
    asking = threading.Thread(
        target=lambda: answers.append(ask("codecommit", "CreateRepository", repositoryName="housing"))
    )
    asking.start()
    kill(neighbours)
    asking.join(60)
    assert answers[0]["repositoryMetadata"]["repositoryName"] == "housing"


def test_what_kills_every_process_is_given_up(neighbours: Neighbours, ask: Ask) -> None:
    ask("kms", "ListKeys")
    refusals: list[AwsError] = []

    def asking() -> None:
        with pytest.raises(AwsError) as caught:
            ask("sqs", "ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=20)
        refusals.append(caught.value)

    queue = ask("sqs", "CreateQueue", QueueName="empty")["QueueUrl"]
    thread = threading.Thread(target=asking)
    thread.start()
    killed: set[int] = set()

    def all_killed() -> bool:
        pid = neighbours.pid
        if pid is not None and pid not in killed and neighbours._asked:
            kill(neighbours)
            killed.add(pid)
        return len(killed) == 3

    assert soon(all_killed)
    thread.join(60)
    assert (refusals[0].code, refusals[0].status) == ("ServiceUnavailable", 400)
    assert ask("sqs", "GetQueueUrl", QueueName="empty")["QueueUrl"] == queue


def test_who_waits_for_a_message_keeps_nobody_else_waiting(ask: Ask) -> None:
    queue = ask("sqs", "CreateQueue", QueueName="slow", Attributes={"ReceiveMessageWaitTimeSeconds": "20"})["QueueUrl"]
    received: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: received.append(ask("sqs", "ReceiveMessage", QueueUrl=queue)))
    waiting.start()
    ask("sqs", "SendMessage", QueueUrl=queue, MessageBody="here")
    waiting.join(60)
    assert [message["Body"] for message in received[0]["Messages"]] == ["here"]


def test_the_event_loop_asks_without_waiting(neighbours: Neighbours) -> None:
    async def both() -> list[dict[str, Any]]:
        asked = [neighbours.answer("kms", "ListKeys", {}, **WHERE), neighbours.answer("sns", "ListTopics", {}, **WHERE)]
        return list(await asyncio.gather(*asked))

    keys, topics = asyncio.run(both())
    assert keys["Keys"] == topics["Topics"] == []


def test_a_closed_server_refuses(neighbours: Neighbours, ask: Ask) -> None:
    ask("kms", "ListKeys")
    pid = neighbours.pid
    assert pid is not None
    neighbours.close()
    assert not lives(pid)
    with pytest.raises(AwsError, match="stopping"):
        ask("kms", "ListKeys")


def test_the_process_goes_with_a_server_that_was_killed(tmp_path: Path) -> None:
    code = f"""
import pathlib, time
from sagewright.neighbours.client import Neighbours
neighbours = Neighbours(pathlib.Path({str(tmp_path)!r}))
neighbours.ask("kms", "ListKeys", {{}}, account="123456789012", region="us-east-1")
print(neighbours.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        server.kill()
    assert soon(lambda: not lives(pid))


def test_what_is_kept_is_private(neighbours: Neighbours, ask: Ask, tmp_path: Path) -> None:
    ask("kms", "CreateKey")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_snapshot_that_cannot_be_read_is_named_and_left_alone(tmp_path: Path) -> None:
    with closing(Neighbours(tmp_path)) as first:
        first.ask("kms", "CreateKey", {}, **WHERE)
        first.ask("codecommit", "CreateRepository", {"repositoryName": "housing"}, **WHERE)
    file = sqlite3.connect(tmp_path / "neighbours.db")
    with closing(file), file:
        file.execute("UPDATE snapshot SET state = x'00' WHERE service = 'kms'")
    with closing(Neighbours(tmp_path)) as second:
        for operation in ("CreateKey", "ListKeys"):
            with pytest.raises(AwsError, match=r"kms in us-east-1 in .*neighbours\.db cannot be read"):
                second.ask("kms", operation, {}, **WHERE)
        assert second.ask("codecommit", "ListRepositories", {}, **WHERE)["repositories"]
    with closing(sqlite3.connect(tmp_path / "neighbours.db")) as file:
        assert file.execute("SELECT state FROM snapshot WHERE service = 'kms'").fetchall() == [(b"\0",)]


def test_a_file_that_is_no_database_is_named_and_left_alone(neighbours: Neighbours, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "neighbours.db").write_bytes(b"something else" * 500)
    with pytest.raises(AwsError, match=r"neighbours\.db cannot be read"):
        ask("kms", "CreateKey")
    assert (tmp_path / "neighbours.db").read_bytes() == b"something else" * 500


def test_a_region_that_aws_does_not_have_is_refused(neighbours: Neighbours) -> None:
    with pytest.raises(AwsError) as caught:
        neighbours.ask("kms", "ListKeys", {}, account="123456789012", region="middle-earth-1")
    assert caught.value.status == 400


def test_accounts_and_regions_do_not_see_each_other(neighbours: Neighbours, ask: Ask) -> None:
    ask("ssm", "PutParameter", Name="/a", Value="1", Type="String")
    for where in ({**WHERE, "region": "eu-west-1"}, {**WHERE, "account": "210987654321"}):
        with pytest.raises(AwsError, match="ParameterNotFound"):
            neighbours.ask("ssm", "GetParameter", {"Name": "/a"}, **where)


def test_a_secrets_versions_were_made_when_they_were_made(ask: Ask) -> None:
    made = ask("secretsmanager", "CreateSecret", Name="git", SecretString="s")
    listed = ask("secretsmanager", "ListSecretVersionIds", SecretId="git")
    assert (listed["ARN"], [each["VersionStages"] for each in listed["Versions"]]) == (made["ARN"], [["AWSCURRENT"]])
    assert set(listed["Versions"][0]) == {"VersionId", "VersionStages", "CreatedDate"}
    with pytest.raises(AwsError, match="can't find the specified secret"):
        ask("secretsmanager", "ListSecretVersionIds", SecretId="none")
