"""Asynchronous endpoints: requests that wait in line, answers in S3, notices by SNS, and instances that may be none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from .refusals import refusal

Eventually = Callable[..., Any]
Unique = Callable[[str], str]
PATIENCE = {"Delay": 1, "MaxAttempts": 120}
MODEL = """
from sklearn.linear_model import LinearRegression

def model_fn(model_dir):
    return LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])

def predict_fn(data, model):
    return model.predict(data.reshape(-1, 1))
"""


class Notices:
    """A topic, and what was sent to it."""

    def __init__(self, name: str) -> None:
        sns, self._sqs = boto3.client("sns"), boto3.client("sqs")
        self.topic = sns.create_topic(Name=name)["TopicArn"]
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=attributes["QueueArn"], Attributes=raw)
        self.told: list[dict[str, Any]] = []

    def of(self, inference_id: str) -> list[dict[str, Any]]:
        """All that was told of an invocation until now."""
        found = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            self.told.append(json.loads(each["Body"]))
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=each["ReceiptHandle"])
        return [each for each in self.told if each["inferenceId"] == inference_id]


class World:
    """An asynchronous endpoint."""

    def __init__(self, name: str, bucket: str, notices: Notices, eventually: Eventually) -> None:
        self.name, self.bucket, self.notices, self._eventually = name, bucket, notices, eventually
        self.sagemaker, self.s3 = boto3.client("sagemaker"), boto3.client("s3")
        self.runtime = boto3.client("sagemaker-runtime")

    def upload(self, key: str, text: str) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text)
        return f"s3://{self.bucket}/{key}"

    def ask(self, location: str | None = None, **more: Any) -> dict[str, Any]:
        if location is not None:
            more["InputLocation"] = location
        told = {"ContentType": "application/json", **more}
        return dict(self.runtime.invoke_endpoint_async(EndpointName=self.name, **told))

    def read(self, location: str) -> bytes:
        """What is there, once it is."""
        bucket, key = location.removeprefix("s3://").split("/", 1)

        def there() -> Any:
            try:
                return self.s3.get_object(Bucket=bucket, Key=key)
            except self.s3.exceptions.NoSuchKey:
                return None

        return bytes(self._eventually(there, every=0.05)["Body"].read())

    def instances(self, count: int) -> None:
        """Have so many."""
        wanted = [{"VariantName": "v", "DesiredInstanceCount": count}]
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.name, DesiredWeightsAndCapacities=wanted
        )
        self.in_service()

    def in_service(self) -> int:
        self.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=self.name, WaiterConfig=PATIENCE)
        return self.count()

    def count(self) -> int:
        (variant,) = self.sagemaker.describe_endpoint(EndpointName=self.name)["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])


@pytest.fixture(scope="module")
def world(
    role: str, bucket: str, unique: Unique, scripted: Callable[[str], dict[str, Any]], eventually: Eventually
) -> Iterator[World]:
    name = unique("async")
    made = World(name, bucket, Notices(name), eventually)
    made.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=scripted(MODEL))
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    output = {
        "S3OutputPath": f"s3://{bucket}/{name}/out",
        "S3FailurePath": f"s3://{bucket}/{name}/failed",
        "NotificationConfig": {
            "SuccessTopic": made.notices.topic,
            "ErrorTopic": made.notices.topic,
            "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
        },
    }
    asynchronous = {"OutputConfig": output, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2}}
    create = made.sagemaker.create_endpoint_config
    create(EndpointConfigName=name, ProductionVariants=[variant], AsyncInferenceConfig=asynchronous)
    made.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    made.in_service()
    yield made
    made.sagemaker.delete_endpoint(EndpointName=name)
    made.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)


def test_an_answer_is_where_the_request_was_told_and_a_notice_says_so(world: World, eventually: Eventually) -> None:
    told = world.ask(world.upload("async/in.json", "[1, 2]"))
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert told["OutputLocation"] == f"s3://{world.bucket}/{world.name}/out/{told['InferenceId']}.out"
    assert json.loads(world.read(told["OutputLocation"])) == pytest.approx([2, 4])
    (notice,) = eventually(lambda: world.notices.of(told["InferenceId"]))
    assert notice["invocationStatus"] == "Completed"
    assert notice["responseParameters"] == {
        "contentType": "application/json",
        "outputLocation": told["OutputLocation"],
    }
    assert notice["responseBody"]["encoding"] == "BASE64"
    described = world.sagemaker.describe_endpoint(EndpointName=world.name)
    assert described["AsyncInferenceConfig"]["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 2}


def test_a_short_input_comes_along_and_names_are_the_callers(world: World) -> None:
    told = world.ask(Body=b"[4]", InferenceId="mine", Filename="four.json", S3OutputPathExtension="a/b")
    assert told["InferenceId"] == "mine"
    assert told["OutputLocation"].endswith("/out/a/b/four.json")
    assert json.loads(world.read(told["OutputLocation"])) == pytest.approx([8])


def test_a_failure_is_told_by_file_and_by_notice(world: World, eventually: Eventually) -> None:
    told = world.ask(Body=b"not json")
    assert b"Error" in world.read(told["FailureLocation"])
    (notice,) = eventually(lambda: world.notices.of(told["InferenceId"]))
    assert notice["invocationStatus"] == "Failed"
    assert notice["failureReason"].startswith("Received ")
    missing = world.ask(f"s3://{world.bucket}/async/nothing")
    assert b"could not be read" in world.read(missing["FailureLocation"])


def test_each_kind_of_endpoint_has_its_own_way_to_be_asked(world: World, talker: str) -> None:
    ask, ask_later = world.runtime.invoke_endpoint, world.runtime.invoke_endpoint_async
    code, message = refusal(ask, EndpointName=world.name, Body=b"[1]")
    assert (code, "InvokeEndpointAsync" in message) == ("ValidationError", True)
    code, message = refusal(ask_later, EndpointName=talker, Body=b"[1]")
    assert (code, "not for asynchronous" in message) == ("ValidationError", True)
    code, message = refusal(ask_later, EndpointName=world.name)
    assert (code, "exactly one of" in message) == ("ValidationError", True)


def test_requests_wait_while_there_is_no_instance(world: World) -> None:
    world.instances(0)
    assert world.count() == 0
    told = [world.ask(Body=f"[{number}]".encode()) for number in range(20)]
    world.instances(1)
    answers = [json.loads(world.read(each["OutputLocation"]))[0] for each in told]
    assert answers == pytest.approx([2 * number for number in range(20)])
