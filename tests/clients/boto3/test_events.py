"""EventBridge: rules, targets, and events that arrive."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from .refusals import refusal, refused

Eventually = Callable[..., Any]
Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def events() -> Any:
    return boto3.client("events")


@pytest.fixture(scope="module")
def logs() -> Any:
    return boto3.client("logs")


def log_group(logs: Any, name: str) -> str:
    """A new log group's ARN."""
    logs.create_log_group(logGroupName=name)
    (found,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return str(found["logGroupArn"])


def logged(logs: Any, name: str) -> list[Any]:
    """What a group holds, as JSON."""
    return [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName=name)["events"]]


def rule(events: Any, name: str, pattern: Any, *targets: dict[str, Any], **more: Any) -> None:
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), **more)
    bus = {"EventBusName": more["EventBusName"]} if "EventBusName" in more else {}
    answer = events.put_targets(Rule=name, Targets=list(targets), **bus)
    assert answer["FailedEntryCount"] == 0


@pytest.fixture(scope="module", autouse=True)
def ticking(events: Any, logs: Any) -> str:
    """A log group that a schedule writes to each minute."""
    name = "/aws/events/ticking"
    events.put_rule(Name="ticking", ScheduleExpression="cron(* * * * ? *)")
    events.put_targets(Rule="ticking", Targets=[{"Id": "1", "Arn": log_group(logs, name)}])
    return name


def entry(source: str, **detail: Any) -> dict[str, Any]:
    return {"Source": source, "DetailType": "Thing happened", "Detail": json.dumps(detail)}


def test_events_reach_the_targets_of_the_rules_that_match(
    events: Any, logs: Any, unique: Unique, eventually: Eventually
) -> None:
    source, group = unique("my.app"), f"/aws/events/{unique('group')}"
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>, "text": "n is <n>"}'}
    arn = log_group(logs, group)
    wanted = {"source": [source], "detail": {"n": [{"numeric": [">", 1]}]}}
    rule(
        events,
        unique("big"),
        wanted,
        {"Id": "whole", "Arn": arn},
        {"Id": "t", "Arn": arn, "InputTransformer": transformer},
    )
    answer = events.put_events(Entries=[entry(source, n=1), entry(source, n=2), {"Source": source, "DetailType": "x"}])
    assert answer["FailedEntryCount"] == 1
    assert [result.get("ErrorCode") for result in answer["Entries"]] == [None, None, "InvalidArgument"]
    found = eventually(lambda: len(got := logged(logs, group)) == 2 and got)
    whole = next(event for event in found if "source" in event)
    assert {"number": 2, "text": "n is 2"} in found
    assert (whole["id"], whole["detail"], whole["version"]) == (answer["Entries"][1]["EventId"], {"n": 2}, "0")


def test_queues_and_topics(events: Any, unique: Unique, eventually: Eventually) -> None:
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    urls = [sqs.create_queue(QueueName=unique("queue"))["QueueUrl"] for _ in range(2)]
    arns = [sqs.get_queue_attributes(QueueUrl=u, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] for u in urls]
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns[1])
    source = unique("my.app")
    missing = f"{topic}-that-is-not-there"
    targets = [{"Id": "queue", "Arn": arns[0]}, {"Id": "topic", "Arn": topic}]
    lost = {
        "Id": "lost",
        "Arn": missing,
        "DeadLetterConfig": {"Arn": arns[0]},
        "RetryPolicy": {"MaximumRetryAttempts": 0},
    }
    rule(events, unique("both"), {"source": [source]}, *targets, lost)
    events.put_events(Entries=[entry(source, n=1)])
    received: dict[str, list[Any]] = {url: [] for url in urls}

    def arrived() -> bool:
        for url in urls:
            found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            received[url] += found.get("Messages", [])
        return [len(received[url]) for url in urls] == [2, 1]

    eventually(arrived)
    direct = [json.loads(message["Body"])["detail"] for message in received[urls[0]]]
    assert direct == [{"n": 1}, {"n": 1}]
    (dead,) = [message for message in received[urls[0]] if "MessageAttributes" in message]
    assert dead["MessageAttributes"]["TARGET_ARN"]["StringValue"] == missing
    assert json.loads(json.loads(received[urls[1]][0]["Body"])["Message"])["source"] == source


def test_a_bus_of_ones_own(events: Any, logs: Any, unique: Unique, eventually: Eventually) -> None:
    name, group, source = unique("bus"), f"/aws/events/{unique('group')}", unique("my.app")
    arn = events.create_event_bus(Name=name, Tags=[{"Key": "a", "Value": "b"}])["EventBusArn"]
    assert refused(events.create_event_bus, Name=name) == ("ResourceAlreadyExistsException", 400)
    rule(events, "in", {"source": [source]}, {"Id": "1", "Arn": log_group(logs, group)}, EventBusName=name)
    rule(events, unique("forward"), {"source": [source]}, {"Id": "1", "Arn": arn})
    events.put_events(
        Entries=[entry(source, way="over the default bus"), {**entry(source, way="own"), "EventBusName": name}]
    )
    found = eventually(lambda: len(got := logged(logs, group)) == 2 and got)
    assert {event["detail"]["way"] for event in found} == {"over the default bus", "own"}
    assert [bus["Name"] for bus in events.list_event_buses(NamePrefix=name)["EventBuses"]] == [name]
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    events.put_permission(EventBusName=name, Action="events:PutEvents", Principal="111122223333", StatementId="s")
    assert "111122223333" in events.describe_event_bus(Name=name)["Policy"]
    assert refused(events.delete_event_bus, Name=name) == ("ValidationException", 400)
    assert refused(events.delete_rule, Name="in", EventBusName=name) == ("ValidationException", 400)
    events.remove_targets(Rule="in", EventBusName=name, Ids=["1"])
    events.delete_rule(Name="in", EventBusName=name)
    events.delete_event_bus(Name=name)
    assert refused(events.describe_event_bus, Name=name) == ("ResourceNotFoundException", 400)


def test_rules_are_found_and_switched(events: Any, logs: Any, unique: Unique) -> None:
    stem, arn = unique("rule"), log_group(logs, f"/aws/events/{unique('group')}")
    for number in range(3):
        rule(events, f"{stem}-{number}", {"source": ["x"]}, {"Id": "1", "Arn": arn})
    pages = events.get_paginator("list_rules").paginate(NamePrefix=stem, PaginationConfig={"PageSize": 2})
    assert [found["Name"] for page in pages for found in page["Rules"]] == [f"{stem}-{n}" for n in range(3)]
    assert events.list_rule_names_by_target(TargetArn=arn)["RuleNames"] == [f"{stem}-{n}" for n in range(3)]
    events.disable_rule(Name=f"{stem}-0")
    assert events.describe_rule(Name=f"{stem}-0")["State"] == "DISABLED"
    events.put_rule(Name=f"{stem}-0", EventPattern='{"source": ["y"]}', Description="changed")
    told = events.describe_rule(Name=f"{stem}-0")
    assert (told["State"], told["Description"], told["EventBusName"]) == ("ENABLED", "changed", "default")
    assert [target["Id"] for target in events.list_targets_by_rule(Rule=f"{stem}-0")["Targets"]] == ["1"]


def test_patterns_can_be_tried(events: Any) -> None:
    event = {"id": "1", "detail-type": "t", "source": "s", "account": "1", "time": "2026-01-01T00:00:00Z"}
    event |= {"region": "r", "resources": [], "detail": {"name": "abc"}}  # type: ignore[dict-item]

    def matches(**detail: Any) -> bool:
        pattern = json.dumps({"detail": detail})
        return bool(events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"])

    assert matches(name=[{"wildcard": "a*c"}])
    assert not matches(name=[{"anything-but": {"suffix": "c"}}])


def test_what_is_refused(events: Any, unique: Unique) -> None:
    name = unique("refused")
    assert refused(events.put_rule, Name=name, EventPattern='{"a": "b"}') == ("InvalidEventPatternException", 400)
    assert refused(events.put_rule, Name=name, ScheduleExpression="rate(1 minutes)") == ("ValidationException", 400)
    assert refused(events.put_rule, Name=name) == ("ValidationException", 400)
    events.put_rule(Name=name, EventPattern='{"a": ["b"]}')
    for service, resource in (("lambda", "function:f"), ("kinesis", "stream/s"), ("sagemaker", "pipeline/p")):
        target = {"Id": "1", "Arn": f"arn:aws:{service}:us-east-1:123456789012:{resource}"}
        code, message = refusal(events.put_targets, Rule=name, Targets=[target])
        assert code == "ValidationException"
        assert "Sagewright does not" in message
    assert refused(events.describe_rule, Name="nobody") == ("ResourceNotFoundException", 400)
    assert refused(
        events.create_archive, ArchiveName="a", EventSourceArn="arn:aws:events:us-east-1:1:event-bus/default"
    ) == (
        "ValidationException",
        400,
    )
    assert events.list_archives()["Archives"] == []
    own = events.put_events(Entries=[{**entry("aws.mine")}])["Entries"]
    assert own[0]["ErrorCode"] == "NotAuthorizedForSourceException"


def test_sagemaker_tells_of_its_changes(
    events: Any, logs: Any, role: str, unique: Unique, eventually: Eventually
) -> None:
    sagemaker = boto3.client("sagemaker")
    name, group = unique("told"), f"/aws/events/{unique('group')}"
    rule(events, unique("sagemaker"), {"source": ["aws.sagemaker"]}, {"Id": "1", "Arn": log_group(logs, group)})
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/nobody:1"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    arn = sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)["EndpointArn"]

    def told() -> list[Any]:
        own = [event for event in logged(logs, group) if name in json.dumps(event)]
        return own if len(own) == 4 else []

    found = eventually(told)
    statuses = {event["detail"].get("EndpointStatus") for event in found if event["resources"] == [arn]}
    assert statuses == {"CREATING", "FAILED"}
    assert {event["detail-type"] for event in found} == {
        "SageMaker Model State Change",
        "SageMaker Endpoint Config State Change",
        "SageMaker Endpoint State Change",
    }
    failed = next(event for event in found if event["detail"].get("EndpointStatus") == "FAILED")
    assert (failed["source"], failed["detail"]["EndpointName"]) == ("aws.sagemaker", name)
    assert isinstance(failed["detail"]["CreationTime"], int)
    sagemaker.delete_endpoint(EndpointName=name)


def test_the_approval_of_a_model_package_is_told(
    events: Any, logs: Any, unique: Unique, eventually: Eventually
) -> None:
    sagemaker = boto3.client("sagemaker")
    name, group = unique("approved"), f"/aws/events/{unique('group')}"
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [name], "ModelApprovalStatus": ["Approved"]},
    }
    rule(events, unique("approval"), pattern, {"Id": "1", "Arn": log_group(logs, group)})
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    specification = {
        "Containers": [{"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/nobody:1"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arn = sagemaker.create_model_package(ModelPackageGroupName=name, InferenceSpecification=specification)[
        "ModelPackageArn"
    ]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    (event,) = eventually(lambda: logged(logs, group))
    assert (event["resources"], event["detail"]["ModelPackageArn"]) == ([arn], arn)


def test_what_was_acknowledged_arrives_although_the_server_was_killed(own_server: Any, eventually: Eventually) -> None:
    keys = own_server.environment()
    session = boto3.Session(
        keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys.get("AWS_SESSION_TOKEN"), "us-east-1"
    )
    url = f"http://127.0.0.1:{own_server.port}"
    events, logs = (session.client(service, endpoint_url=url) for service in ("events", "logs"))
    rule(events, "all", {"source": ["mine"]}, {"Id": "1", "Arn": log_group(logs, "/aws/events/all")})
    acknowledged = []
    for number in range(5):
        answers = events.put_events(Entries=[entry("mine", n=10 * number + each) for each in range(10)])["Entries"]
        acknowledged += [answer["EventId"] for answer in answers]
    own_server.kill()
    own_server.start()

    def arrived() -> bool:
        return {event["id"] for event in logged(logs, "/aws/events/all")} == set(acknowledged)

    eventually(arrived)
    assert events.describe_rule(Name="all")["State"] == "ENABLED"


def test_schedules_fire(logs: Any, ticking: str, eventually: Eventually) -> None:
    found = eventually(lambda: logged(logs, ticking), timeout=75)
    assert (found[0]["source"], found[0]["detail-type"]) == ("aws.events", "Scheduled Event")
