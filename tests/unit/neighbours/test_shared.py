"""Neighbours of several servers that share a database are the same neighbours."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.neighbours.client import Neighbours
from sagewright.store.postgres import PostgresStore
from sagewright.testing.postgres import NoPostgres, serving

WHERE = {"account": "123456789012", "region": "us-east-1"}


@pytest.fixture
def pair() -> Iterator[tuple[Neighbours, Neighbours]]:
    try:
        with serving() as database:
            url = database.new_database()
            PostgresStore(url).close()  # makes the tables
            made = (Neighbours(None, database=url), Neighbours(None, database=url))
            yield made
            for each in made:
                each.close()
    except NoPostgres as error:
        pytest.skip(str(error))


def ask(neighbours: Neighbours, service: str, operation: str, **params: Any) -> dict[str, Any]:
    return neighbours.ask(service, operation, params, **WHERE)


def test_what_one_server_is_told_another_knows(pair: tuple[Neighbours, Neighbours]) -> None:
    one, other = pair
    assert ask(other, "sqs", "ListQueues") == {}
    url = ask(one, "sqs", "CreateQueue", QueueName="q")["QueueUrl"]
    ask(one, "sqs", "SendMessage", QueueUrl=url, MessageBody="first")
    ask(other, "sqs", "SendMessage", QueueUrl=url, MessageBody="second")
    received = [
        message["Body"]
        for each in (one, other)
        for message in ask(each, "sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=1)["Messages"]
    ]
    assert sorted(received) == ["first", "second"]
    key = ask(other, "kms", "CreateKey", Description="d")["KeyMetadata"]["KeyId"]
    assert ask(one, "kms", "DescribeKey", KeyId=key)["KeyMetadata"]["Description"] == "d"
    sealed = ask(one, "kms", "Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert ask(other, "kms", "Decrypt", CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_nothing_that_was_answered_is_lost_with_a_process(pair: tuple[Neighbours, Neighbours]) -> None:
    one, other = pair
    for number in range(3):
        ask(one, "sqs", "CreateQueue", QueueName=f"q{number}")
        assert one.pid is not None
        os.kill(one.pid, signal.SIGKILL)
        assert len(ask(other, "sqs", "ListQueues")["QueueUrls"]) == number + 1
    with pytest.raises(AwsError):
        ask(one, "sqs", "GetQueueUrl", QueueName="none")
