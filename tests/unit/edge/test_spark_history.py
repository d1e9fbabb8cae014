"""The way to a Spark history server: who may ask for one, who may look at it, and what goes through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from sagewright.operations.sagemaker.processing import spark_history
from sagewright.resources.record import Record
from sagewright.resources.spark_history_server import KIND
from sagewright.store.base import Query
from sagewright.testing.asker import Answer, Asker

from .test_mlflow import Behind

URI = "s3://logs/spark"
MAY_LIST = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}


@dataclass
class Desk:
    """Where history servers are asked for."""

    asker: Asker
    behind: Behind

    def ask(self, uri: str = URI, keys: tuple[str, str] | None = None, method: str = "POST") -> tuple[int, Any]:
        asked = self.asker.ask(method, "/_sagewright/spark-history", query=urlencode({"uri": uri}), keys=keys)
        return asked.status, json.loads(asked.body)

    def records(self) -> list[Record]:
        return list(self.asker.server.storage.store.list(Query("123456789012", "us-east-1", KIND), limit=100).records)

    def put(self, key: str) -> None:
        self.asker.ask("PUT", "/logs", service="s3")
        self.asker.ask("PUT", f"/logs/{key}", service="s3", body=b"{}")

    def serve(self) -> None:
        """As the controller does."""
        for record in self.records():
            status = {"serving": {"task": "t", "socket": str(self.behind.socket)}}
            self.asker.server.storage.store.update(replace(record, state="InService", status=status))

    def browse(self, url: str, method: str = "GET", **headers: str) -> Answer:
        parts = urlsplit(url)
        told = {"host": parts.netloc, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.asker.ask(method, parts.path, query=parts.query, headers=told, signed=False)

    def opened(self, keys: tuple[str, str] | None = None) -> tuple[str, str]:
        """Its address without a path, and a session's cookie."""
        self.ask(keys=keys)
        self.serve()
        url = self.ask(keys=keys)[1]["AuthorizedUrl"]
        cookie = self.browse(url).headers["set-cookie"].partition(";")[0]
        return url.partition("/?")[0], cookie

    def user(self, name: str, *statements: Any) -> tuple[str, str]:
        """The keys of a user who may so much."""
        self.iam("CreateUser", name)
        self.allow(name, *statements)
        told = self.iam("CreateAccessKey", name)
        key, secret = (told.partition(f"<{tag}>")[2].partition("<")[0] for tag in ("AccessKeyId", "SecretAccessKey"))
        return key, secret

    def allow(self, name: str, *statements: Any) -> None:
        document = {"Version": "2012-10-17", "Statement": statements or [{**MAY_LIST, "Effect": "Deny"}]}
        self.iam("PutUserPolicy", name, PolicyName="p", PolicyDocument=json.dumps(document))

    def iam(self, action: str, name: str, **asked: str) -> str:
        body = urlencode({"Action": action, "Version": "2010-05-08", "UserName": name, **asked}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = self.asker.ask(service="iam", headers=headers, body=body)
        assert answer.status == 200, answer.body
        return answer.body.decode()


@pytest.fixture
def desk(asker: Asker, tmp_path: Path) -> Iterator[Desk]:
    behind = Behind(tmp_path / "s")
    server = behind.serve()
    made = Desk(asker, behind)
    made.put("spark/app-1")
    yield made
    server.shutdown()
    server.server_close()


# Who asks for one.


def test_one_is_begun_once_and_told_of_when_it_serves(desk: Desk) -> None:
    assert [desk.ask() for _ in range(2)] == [(200, {"Status": "Starting"})] * 2
    assert desk.ask("s3a://logs/spark/")[1] == {"Status": "Starting"}
    (record,) = desk.records()
    assert record.spec["S3Uri"] == URI
    desk.serve()
    status, told = desk.ask()
    assert (status, told["Status"]) == (200, "InService")
    assert told["AuthorizedUrl"].startswith(f"http://{record.name}.spark.us-east-1.localhost:4700/?authToken=")


@pytest.mark.parametrize(
    ("uri", "status", "words"),
    [
        ("logs", 400, "'logs' is no address in S3: write it as s3://bucket/prefix."),
        ("", 400, "is no address in S3"),
        ("s3://", 400, "is no address in S3"),
        ("s3://nowhere/x", 404, "There is no bucket nowhere."),
    ],
)
def test_an_address_that_is_none_says_so(desk: Desk, uri: str, status: int, words: str) -> None:
    found, told = desk.ask(uri)
    assert (found, desk.records()) == (status, [])
    assert words in told["message"]


def test_only_who_signs_and_may_read_is_answered(desk: Desk) -> None:
    nobody = desk.asker.ask("POST", "/_sagewright/spark-history", query=urlencode({"uri": URI}), signed=False)
    assert nobody.status == 403
    assert desk.ask(method="GET")[0] == 405
    status, told = desk.ask(keys=desk.user("ada"))
    assert (status, told["code"], desk.records()) == (403, "AccessDenied", [])
    lists = {**MAY_LIST, "Action": "s3:ListBucket"}
    assert desk.ask(keys=desk.user("bob", lists))[0] == 403
    assert desk.ask(keys=desk.user("eve", MAY_LIST)) == (200, {"Status": "Starting"})


def test_each_caller_has_one_of_their_own(desk: Desk) -> None:
    desk.ask()
    desk.ask(keys=desk.user("eve", MAY_LIST))
    assert {record.spec["caller"]["kind"] for record in desk.records()} == {"root", "user"}


def test_there_are_not_more_than_the_machine_bears(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_history, "AT_ONCE", 1)
    desk.ask()
    status, told = desk.ask("s3://logs")
    assert (status, told["code"]) == (400, "ResourceLimitExceeded")


def test_one_that_failed_says_why_and_another_begins(desk: Desk) -> None:
    desk.ask()
    (record,) = desk.records()
    store = desk.asker.server.storage.store
    store.update(replace(record, state="Failed", status={"FailureReason": "There is no Java."}))
    status, told = desk.ask()
    assert (status, told["message"]) == (400, "There is no Java.")
    assert desk.ask() == (200, {"Status": "Starting"})
    assert desk.records()[0].intent == "delete"


# Who looks at it.


def test_a_session_leads_to_spark_without_its_cookie(desk: Desk) -> None:
    place, cookie = desk.opened()
    answer = desk.browse(f"{place}/history/app-1/jobs/?a=b", cookie=f"x=1; {cookie}")
    assert (answer.status, answer.body, "set-cookie" in answer.headers) == (200, b'{"a":1}', False)
    ((method, path, headers, _),) = desk.behind.asked
    assert (method, path, "cookie" in headers) == ("GET", "/history/app-1/jobs/?a=b", False)


def test_an_address_opens_one_session_of_one_server(desk: Desk) -> None:
    place, cookie = desk.opened()
    url = desk.ask()[1]["AuthorizedUrl"]
    assert [desk.browse(url).status for _ in range(2)] == [302, 401]
    other = place.replace("http://", "http://x")
    assert [desk.browse(f"{each}/", cookie=cookie).status for each in (place, other)] == [200, 401]
    assert desk.browse(f"{place}/").status == 401


def test_who_may_not_read_any_more_may_not_look(desk: Desk) -> None:
    keys = desk.user("eve", MAY_LIST)
    place, cookie = desk.opened(keys)
    assert desk.browse(f"{place}/", cookie=cookie).status == 200
    desk.allow("eve")
    assert desk.browse(f"{place}/", cookie=cookie).status == 403


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 405),
        ("GET", {"origin": "http://127.0.0.1:4700"}, 403),
        ("GET", {"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"}, 403),
        ("GET", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 200),
        ("HEAD", {}, 200),
    ],
)
def test_pages_are_read_and_by_themselves(desk: Desk, method: str, headers: dict[str, str], status: int) -> None:
    place, cookie = desk.opened()
    assert desk.browse(f"{place}/", method, cookie=cookie, **headers).status == status


def test_one_that_is_gone_says_so(desk: Desk) -> None:
    place, cookie = desk.opened()
    desk.asker.server.storage.store.delete(desk.records()[0])
    answer = desk.browse(f"{place}/", cookie=cookie)
    assert (answer.status, b"has ended" in answer.body) == (401, True)
