"""What buckets tell queues and topics, also when the server is killed in between."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from .refusals import refusal, refused

Eventually = Callable[..., Any]


class Queue:
    """A queue of one test, and what was sent to it."""

    def __init__(self, sqs: Any, name: str) -> None:
        self._sqs = sqs
        self.url = sqs.create_queue(QueueName=name)["QueueUrl"]
        named = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn: str = named["Attributes"]["QueueArn"]
        self.bodies: list[Any] = []

    def receive(self) -> list[Any]:
        """All bodies so far."""
        found = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        for message in found.get("Messages", ()):
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            self.bodies.append(json.loads(message["Body"]))
        return self.bodies

    def told(self) -> list[tuple[str, str]]:
        """(event, key) of what happened, sorted: SQS promises no order."""
        records = [record for body in self.receive() for record in body.get("Records", ())]
        return sorted((record["eventName"], record["s3"]["object"]["key"]) for record in records)

    def wanting(self, *events: str, **affixes: str) -> dict[str, Any]:
        """A configuration."""
        rules = [{"Name": name, "Value": value} for name, value in affixes.items()]
        return {"QueueArn": self.arn, "Events": list(events), "Filter": {"Key": {"FilterRules": rules}}}


@pytest.fixture
def queue(unique: Callable[[str], str]) -> Queue:
    return Queue(boto3.client("sqs"), unique("bucket-queue"))


def configure(s3: Any, box: str, **targets: Any) -> None:
    s3.put_bucket_notification_configuration(Bucket=box, NotificationConfiguration=targets)


def test_a_queue_hears_what_it_asked_for(s3: Any, box: str, queue: Queue, eventually: Eventually) -> None:
    wanted = queue.wanting("s3:ObjectCreated:*", "s3:ObjectRemoved:Delete", prefix="in/", suffix=".csv")
    configure(s3, box, QueueConfigurations=[wanted])
    (hello,) = eventually(queue.receive)
    assert (hello["Service"], hello["Event"], hello["Bucket"]) == ("Amazon S3", "s3:TestEvent", box)
    s3.put_object(Bucket=box, Key="in/a b.csv", Body=b"hello")
    s3.put_object(Bucket=box, Key="in/a.txt", Body=b"")
    s3.copy_object(Bucket=box, Key="in/copy.csv", CopySource={"Bucket": box, "Key": "in/a.txt"})
    s3.delete_objects(Bucket=box, Delete={"Objects": [{"Key": "in/a b.csv"}, {"Key": "in/a.txt"}]})
    expected = [
        ("ObjectCreated:Copy", "in/copy.csv"),
        ("ObjectCreated:Put", "in/a+b.csv"),
        ("ObjectRemoved:Delete", "in/a+b.csv"),
    ]
    eventually(lambda: queue.told() == expected)
    put = next(body["Records"][0] for body in queue.bodies if "ObjectCreated:Put" in str(body))
    assert put["s3"]["object"]["size"] == 5
    assert put["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    (kept,) = s3.get_bucket_notification_configuration(Bucket=box)["QueueConfigurations"]
    assert put["s3"]["configurationId"] == kept["Id"]
    assert {**wanted, "Id": kept["Id"]} == kept


def test_a_topic_hands_on_to_its_queue(
    s3: Any, box: str, queue: Queue, eventually: Eventually, unique: Callable[[str], str]
) -> None:
    sns = boto3.client("sns")
    topic = sns.create_topic(Name=unique("bucket-topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    configure(s3, box, TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:Put"]}])
    s3.put_object(Bucket=box, Key="a", Body=b"x")

    def told() -> list[str]:
        return [json.loads(body["Message"])["Records"][0]["eventName"] for body in queue.receive()[1:]]

    assert eventually(told) == ["ObjectCreated:Put"]
    assert {body["Subject"] for body in queue.bodies} == {"Amazon S3 Notification"}
    assert json.loads(queue.bodies[0]["Message"])["Event"] == "s3:TestEvent"


def test_targets_that_cannot_be_had(s3: Any, box: str, queue: Queue) -> None:
    gone = {**queue.wanting("s3:ObjectCreated:*"), "QueueArn": f"{queue.arn}-none"}
    code, message = refusal(
        s3.put_bucket_notification_configuration,
        Bucket=box,
        NotificationConfiguration={"QueueConfigurations": [gone]},
    )
    assert code == "InvalidArgument"
    assert "Unable to validate the following destination configurations" in message
    function = {
        "LambdaFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "Events": ["s3:ObjectCreated:*"],
    }
    client = boto3.client("s3", config=Config(retries={"max_attempts": 1}))
    assert refused(
        client.put_bucket_notification_configuration,
        Bucket=box,
        NotificationConfiguration={"LambdaFunctionConfigurations": [function]},
    ) == ("NotImplemented", 400)
    both = [queue.wanting("s3:ObjectCreated:*"), queue.wanting("s3:ObjectCreated:Put", prefix="a")]
    assert refused(
        s3.put_bucket_notification_configuration,
        Bucket=box,
        NotificationConfiguration={"QueueConfigurations": both},
    ) == ("InvalidArgument", 400)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=box)


def test_eventbridge_and_queues_beside_each_other(s3: Any, box: str, queue: Queue) -> None:
    configure(s3, box, EventBridgeConfiguration={}, QueueConfigurations=[queue.wanting("s3:ObjectCreated:*")])
    found = s3.get_bucket_notification_configuration(Bucket=box)
    assert (found["EventBridgeConfiguration"], len(found["QueueConfigurations"])) == ({}, 1)
    configure(s3, box)
    found = s3.get_bucket_notification_configuration(Bucket=box)
    assert not {"EventBridgeConfiguration", "QueueConfigurations"} & found.keys()


def test_what_was_put_before_the_server_was_killed_is_told(own_server: Any, eventually: Eventually) -> None:
    environment = own_server.environment()
    session = boto3.Session(
        environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], environment["AWS_SESSION_TOKEN"]
    )
    address = {"endpoint_url": environment["AWS_ENDPOINT_URL"], "region_name": "us-east-1"}
    s3, queue = session.client("s3", **address), Queue(session.client("sqs", **address), "told")
    s3.create_bucket(Bucket="told")
    configure(s3, "told", QueueConfigurations=[queue.wanting("s3:ObjectCreated:*")])
    for number in range(20):
        s3.put_object(Bucket="told", Key=f"{number}", Body=b"x")
    own_server.kill()
    own_server.start()
    everything = {("ObjectCreated:Put", f"{number}") for number in range(20)}
    # At least once: what was under way when it died may come twice.
    eventually(lambda: set(queue.told()) == everything)
