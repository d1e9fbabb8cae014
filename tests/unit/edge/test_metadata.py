"""The metadata of a task, as its SDK and curl ask for it."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from sagewright.edge import metadata
from sagewright.resources import tries
from sagewright.resources.record import Key, Record
from sagewright.testing.asker import Answer, Asker

TTL, TOKEN = "x-aws-ec2-metadata-token-ttl-seconds", "x-aws-ec2-metadata-token"
ROLE = "SagewrightExecutionRole"
ARN = f"arn:aws:iam::123456789012:role/service-role/{ROLE}"
CREDENTIALS = "meta-data/iam/security-credentials/"


class Task:
    """One that has been given what its job may have."""

    def __init__(self, asker: Asker, name: str) -> None:
        self.asker = asker
        services = asker.server.app.services
        self.work = services.store.create(
            Record(Key("123456789012", "us-east-1", "training-job", "", name), name, 0.0, 0.0)
        )
        self.grant = services.credentials.grant(ARN, name, self.work)

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.asker.ask(
            method, f"{metadata.PREFIX}{self.grant}/latest/{path}", signed=False, headers=sent, service="s3"
        )

    def token(self, seconds: str = "60") -> str:
        answer = self.ask("api/token", "PUT", **{TTL: seconds})
        assert (answer.status, answer.headers[TTL]) == (200, seconds)
        return answer.body.decode()


@pytest.fixture
def task(asker: Asker) -> Task:
    return Task(asker, "job")


def test_with_a_token_a_task_has_its_roles_credentials(task: Task) -> None:
    token = {TOKEN: task.token()}
    assert task.ask(CREDENTIALS, **token).body.decode() == ROLE
    given = json.loads(task.ask(CREDENTIALS + ROLE, **token).body)
    assert set(given) == {
        "Code",
        "LastUpdated",
        "Type",
        "AccessKeyId",
        "SecretAccessKey",
        "Token",
        "Expiration",
    }
    credentials = task.asker.server.app.services.credentials
    _, principal = credentials.lookup(given["AccessKeyId"], given["Token"], now=0)
    assert principal.arn == f"arn:aws:sts::123456789012:assumed-role/{ROLE}/job"
    assert task.ask(f"{CREDENTIALS}Another", **token).status == 404


def test_it_knows_where_it_is(task: Task) -> None:
    token = {TOKEN: task.token()}
    assert task.ask("meta-data/placement/region", **token).body == b"us-east-1"
    told = json.loads(task.ask("dynamic/instance-identity/document", **token).body)
    assert (told["accountId"], told["region"]) == ("123456789012", "us-east-1")
    assert told["instanceId"] == task.ask("meta-data/instance-id", **token).body.decode()
    assert task.ask("meta-data/", **token).body.decode().split() == ["iam/", "instance-id", "placement/", "services/"]
    assert task.ask("meta-data/nothing", **token).status == 404


def test_a_spot_instance_learns_that_it_is_reclaimed(task: Task) -> None:
    token = {TOKEN: task.token()}
    assert task.ask("meta-data/spot/instance-action", **token).status == 404
    task.asker.server.storage.store.update(tries.interrupted(task.work, now=1_800_000_000, warning=120))
    told = task.ask("meta-data/spot/instance-action", **token)
    assert json.loads(told.body) == {"action": "terminate", "time": "2027-01-15T08:02:00Z"}
    assert task.ask("meta-data/spot/termination-time", **token).body == b"2027-01-15T08:02:00Z"


def test_nothing_is_told_without_a_token(task: Task) -> None:
    other = Task(task.asker, "other").token()
    for headers in ({}, {TOKEN: ""}, {TOKEN: "guessed"}, {TOKEN: task.grant}, {TOKEN: other}):
        for path in ("meta-data/", CREDENTIALS, CREDENTIALS + ROLE, "dynamic/instance-identity/document"):
            answer = task.ask(path, **headers)
            assert (answer.status, answer.body) == (401, b"")


def test_a_token_runs_out(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    token = task.token("5")
    credentials = task.asker.server.app.services.credentials
    clock = type("Later", (), {"now": lambda _: credentials.__class__ and 1e12})()
    monkeypatch.setattr(credentials, "_clock", clock)
    assert task.ask("meta-data/", **{TOKEN: token}).status == 401


@pytest.mark.parametrize("seconds", ["", "0", "-1", "21601", "1e3", "²", "9" * 400])
def test_a_token_is_for_a_time(task: Task, seconds: str) -> None:
    assert task.ask("api/token", "PUT", **{TTL: seconds}).status == 400


def test_no_grant_no_metadata(task: Task) -> None:
    good, other = task.grant, Task(task.asker, "other").grant
    for forged in ("", "guessed", good[:-4] + "AAAA", other[:44] + good[44:], "%00", "é".encode().hex()):
        task.grant = forged
        assert task.ask("api/token", "PUT", **{TTL: "60"}).status == 403


def test_who_comes_through_a_proxy_is_sent_away(task: Task) -> None:
    assert task.ask("api/token", "PUT", **{TTL: "60", "x-forwarded-for": "10.0.0.1"}).status == 403


def test_with_the_work_end_the_credentials(task: Task) -> None:
    token = task.token()
    task.asker.server.app.services.store.update(replace(task.work, state="Completed"))
    assert task.ask(CREDENTIALS + ROLE, **{TOKEN: token}).status == 404


def test_grants_are_in_no_log(task: Task, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="sagewright.access"):
        task.token()
    assert metadata.PREFIX in caplog.text
    assert task.grant not in caplog.text


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_other_methods_are_refused(task: Task, method: str) -> None:
    assert task.ask("api/token", method, **{TTL: "60"}).status == 405
