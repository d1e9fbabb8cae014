"""CloudWatch Logs' operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.logs import events as events_module
from sagewright.testing.world import Client, World

GROUP = "/aws/sagemaker/TrainingJobs"
DAY = 86_400_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.make(tmp_path)
    yield world
    world.close()


@pytest.fixture
def logs(world: World) -> Client:
    client = world.client("logs")
    client.create_log_group(logGroupName=GROUP)
    return client


def refusal(question: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        question(**members)
    return caught.value.code, caught.value.message


def put(logs: Client, stream: str, *messages: str, at: int = 0, step: int = 1) -> None:
    start = int(logs.world.clock.now() * 1000) + at
    with suppress(AwsError):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    batch = [{"timestamp": start + number * step, "message": text} for number, text in enumerate(messages)]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=batch)


def texts(answer: dict[str, Any]) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_groups_are_made_listed_and_deleted(logs: Client) -> None:
    for name in ("/b", "/a", "/c"):
        logs.create_log_group(logGroupName=name, tags={"k": name})
    page = logs.describe_log_groups(limit=2)
    assert [group["logGroupName"] for group in page["logGroups"]] == ["/a", GROUP]
    rest = logs.describe_log_groups(nextToken=page["nextToken"])
    assert [group["logGroupName"] for group in rest["logGroups"]] == ["/b", "/c"]
    assert "nextToken" not in rest
    assert len(logs.describe_log_groups(logGroupNamePrefix="/aws")["logGroups"]) == 1
    found = logs.describe_log_groups(logGroupNamePattern="SAGEMAKER")["logGroups"]
    assert found[0]["arn"] == f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*"
    logs.delete_log_group(logGroupName="/b")
    assert refusal(logs.delete_log_group, logGroupName="/b") == (
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )
    assert refusal(logs.create_log_group, logGroupName="/a")[0] == "ResourceAlreadyExistsException"
    assert refusal(logs.describe_log_groups, nextToken="?")[0] == "InvalidParameterException"


def test_tags_in_both_spellings(logs: Client) -> None:
    arn = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    logs.tag_log_group(logGroupName=GROUP, tags={"a": "1", "b": "2"})
    logs.tag_resource(resourceArn=arn, tags={"c": "3"})
    logs.untag_log_group(logGroupName=GROUP, tags=["a"])
    logs.untag_resource(resourceArn=arn + ":*", tagKeys=["b"])
    assert logs.list_tags_log_group(logGroupName=GROUP) == {"tags": {"c": "3"}}
    assert logs.list_tags_for_resource(resourceArn=arn) == {"tags": {"c": "3"}}
    many = {str(number): "" for number in range(51)}
    assert refusal(logs.tag_resource, resourceArn=arn, tags=many)[0] == "TooManyTagsException"
    assert refusal(logs.list_tags_for_resource, resourceArn="arn:x")[0] == "InvalidParameterException"


def test_retention(logs: Client) -> None:
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 1
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    old = int(logs.world.clock.now() * 1000) - 2 * DAY
    answer = logs.put_log_events(
        logGroupName=GROUP, logStreamName="s", logEvents=[{"timestamp": old, "message": "old"}]
    )
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    logs.delete_retention_policy(logGroupName=GROUP)
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
    assert refusal(logs.put_retention_policy, logGroupName=GROUP, retentionInDays=2)[0] == "InvalidParameterException"


def test_streams_that_fit_come_without_a_token(logs: Client) -> None:
    """The SDK asks again, without the token, as long as there is one."""
    for name in ("job/algo-1-1", "job/algo-2-1", "job2/algo-1-1"):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=name)
    page = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="job/", orderBy="LogStreamName", limit=2)
    assert [stream["logStreamName"] for stream in page["logStreams"]] == ["job/algo-1-1", "job/algo-2-1"]
    assert "nextToken" not in page
    assert "lastEventTimestamp" not in page["logStreams"][0]


@pytest.mark.parametrize("by", ["LogStreamName", "LastEventTime"])
@pytest.mark.parametrize("descending", [False, True])
def test_streams_come_in_pages(logs: Client, by: str, descending: bool) -> None:
    for number in range(5):
        put(logs, f"s{number}", "x", at=number // 2)
    names: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = logs.describe_log_streams(logGroupIdentifier=GROUP, orderBy=by, descending=descending, limit=2, **more)
        names += [stream["logStreamName"] for stream in page["logStreams"]]
        if "nextToken" not in page:
            break
        more = {"nextToken": page["nextToken"]}
    assert names == sorted(names, reverse=descending)
    assert len(names) == 5


def test_streams_of_nothing_are_refused(logs: Client) -> None:
    missing = ("ResourceNotFoundException", "The specified log group does not exist.")
    assert refusal(logs.describe_log_streams, logGroupName="/none") == missing
    assert refusal(logs.get_log_events, logGroupName=GROUP, logStreamName="s") == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )
    assert refusal(logs.describe_log_streams)[0] == "InvalidParameterException"
    mixed = {"logGroupName": GROUP, "orderBy": "LastEventTime", "logStreamNamePrefix": "a"}
    assert refusal(logs.describe_log_streams, **mixed)[0] == "InvalidParameterException"
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    twice = refusal(logs.create_log_stream, logGroupName=GROUP, logStreamName="s")
    assert twice[0] == "ResourceAlreadyExistsException"
    logs.delete_log_stream(logGroupName=GROUP, logStreamName="s")
    assert logs.describe_log_streams(logGroupName=GROUP)["logStreams"] == []


def test_events_are_tailed_as_the_sdk_does(logs: Client) -> None:
    put(logs, "s", "one", "two")
    asked = {"logGroupName": GROUP, "logStreamName": "s", "startFromHead": True}
    first = logs.get_log_events(startTime=0, **asked)
    assert texts(first) == ["one", "two"]
    token = first["nextForwardToken"]
    end = logs.get_log_events(nextToken=token, startTime=0, **asked)
    assert (texts(end), end["nextForwardToken"]) == ([], token)
    put(logs, "s", "three", at=5)
    assert texts(logs.get_log_events(nextToken=token, **asked)) == ["three"]


def test_events_are_read_backwards_from_the_end(logs: Client) -> None:
    put(logs, "s", *"abcde")
    page = logs.get_log_events(logGroupName=GROUP, logStreamName="s", limit=2)
    assert texts(page) == ["d", "e"]
    page = logs.get_log_events(logGroupName=GROUP, logStreamName="s", limit=2, nextToken=page["nextBackwardToken"])
    assert texts(page) == ["b", "c"]
    page = logs.get_log_events(logGroupName=GROUP, logStreamName="s", limit=9, nextToken=page["nextForwardToken"])
    assert texts(page) == ["d", "e"]
    for token in ("x", "f/x", "f/1", ""):
        code, _ = refusal(logs.get_log_events, logGroupName=GROUP, logStreamName="s", nextToken=token)
        assert code == "InvalidParameterException"


def test_a_batch_may_be_out_of_order(logs: Client) -> None:
    put(logs, "s", *"abc", step=-1)
    assert texts(logs.get_log_events(logGroupName=GROUP, logStreamName="s")) == ["c", "b", "a"]


def test_what_is_too_old_or_too_new_is_rejected(logs: Client) -> None:
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    now = int(logs.world.clock.now() * 1000)

    def rejected(*times: int) -> Any:
        batch = [{"timestamp": now + time, "message": "m"} for time in times]
        answer = logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=batch, sequenceToken="any")
        return answer.get("rejectedLogEventsInfo")

    assert rejected(-15 * DAY, -14 * DAY) == {"tooOldLogEventEndIndex": 1}
    assert rejected(0, 3 * 3_600_000) == {"tooNewLogEventStartIndex": 1}
    assert rejected(0) is None
    with pytest.raises(AwsError, match="24 hours"):
        rejected(-2 * DAY, 0)


def test_a_batch_has_a_size(logs: Client) -> None:
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    big = [{"timestamp": 0, "message": "ü" * 300_000} for _ in range(2)]
    code, message = refusal(logs.put_log_events, logGroupName=GROUP, logStreamName="s", logEvents=big)
    assert (code, "Upload too large" in message) == ("InvalidParameterException", True)


def test_events_of_several_streams_are_filtered(logs: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    put(logs, "AllTraffic/i-1", "ERROR a", "fine", "ERROR b", step=2)
    put(logs, "AllTraffic/i-2", "ERROR c", "fine", at=1, step=2)
    put(logs, "Other/i-3", "ERROR d")
    asked = {"logGroupName": GROUP, "logStreamNamePrefix": "AllTraffic/", "filterPattern": "ERROR"}
    assert texts(logs.filter_log_events(**asked)) == ["ERROR a", "ERROR c", "ERROR b"]
    monkeypatch.setattr(events_module, "_LOOKED_AT", 2)
    seen: list[str] = []
    more: dict[str, Any] = {}
    pages = 0
    while True:
        page = logs.filter_log_events(limit=1, **asked, **more)
        seen += texts(page)
        pages += 1
        if "nextToken" not in page:
            break
        more = {"nextToken": page["nextToken"]}
    # The third page is empty: two events were looked at, and neither matched.
    assert (seen, pages) == (["ERROR a", "ERROR c", "ERROR b"], 4)


def test_a_filter_has_a_window_and_names(logs: Client) -> None:
    put(logs, "s", *"abcd")
    put(logs, "t", "x")
    start = int(logs.world.clock.now() * 1000)
    found = logs.filter_log_events(logGroupName=GROUP, logStreamNames=["s"], startTime=start + 1, endTime=start + 2)
    assert texts(found) == ["b", "c"]
    assert len({event["eventId"] for event in found["events"]}) == 2
    assert {len(event["eventId"]) for event in found["events"]} == {56}
    for wrong in (
        {"filterPattern": "{"},
        {"logStreamNames": ["s"], "logStreamNamePrefix": "s"},
        {"nextToken": "x"},
    ):
        assert refusal(logs.filter_log_events, logGroupName=GROUP, **wrong)[0] == "InvalidParameterException"
    unknown = refusal(logs.filter_log_events, logGroupName=GROUP, logStreamNames=["none"])
    assert unknown[0] == "ResourceNotFoundException"
