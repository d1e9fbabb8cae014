"""What who is signed in to the console cannot do: reach what is another's, act from elsewhere, come in twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from sagewright.edge.console import pages
from sagewright.operations.console import sessions
from sagewright.testing.asker import Answer, Asker
from sagewright.testing.clock import ManualClock

CONSOLE = "/_sagewright/console/"
PASSWORD = "Correct-horse-7"
OWN = {
    "Effect": "Allow",
    "Action": ["iam:*AccessKey*", "iam:ChangePassword", "iam:GetUser"],
    "Resource": "arn:aws:iam::123456789012:user/${aws:username}",
}


@dataclass
class Browser:
    """One that is signed in."""

    asker: Asker
    cookie: str = ""
    proof: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = b"", query: str = "", **headers: str) -> Answer:
        told = {"content-type": "application/json", "cookie": self.cookie, "x-sagewright-proof": self.proof}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.asker.ask(method, path, body=data, query=query, headers=told, signed=False)

    def call(self, service: str, operation: str, **members: Any) -> Answer:
        return self.ask("POST", f"{CONSOLE}api/{service}/{operation}", members)


def iam(asker: Asker, action: str, **members: str) -> None:
    form = urlencode({"Action": action, "Version": "2010-05-08", **members}).encode()
    answer = asker.ask(service="iam", headers={"content-type": "application/x-www-form-urlencoded"}, body=form)
    assert answer.status == 200, answer.body


def signed_in(asker: Asker, name: str) -> Browser:
    browser = Browser(asker)
    answer = browser.ask("POST", f"{CONSOLE}sign-in", {"user": name, "password": PASSWORD})
    assert answer.status == 204
    browser.cookie = answer.headers["set-cookie"].partition(";")[0]
    browser.proof = json.loads(browser.ask("GET", f"{CONSOLE}session").body)["proof"]
    return browser


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """One server, where ann and bob may manage their own keys, and nothing else."""
    from sagewright import compose
    from sagewright.base.settings import Settings

    data = tmp_path_factory.mktemp("console") / "data"
    server = compose.build(Settings(data=data, store="memory:", sandbox="off"))
    services = server.app.services
    asker = Asker(server, services.credentials.root(), services.clock.now())
    document = json.dumps({"Version": "2012-10-17", "Statement": OWN})
    for name in ("ann", "bob"):
        iam(asker, "CreateUser", UserName=name)
        iam(asker, "CreateLoginProfile", UserName=name, Password=PASSWORD)
        iam(asker, "PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=document)
    yield asker
    server.close()


@pytest.fixture(scope="module")
def ann(whole: Asker) -> Browser:
    return signed_in(whole, "ann")


@pytest.fixture(scope="module")
def bob(whole: Asker) -> Browser:
    return signed_in(whole, "bob")


def test_ones_own_keys_are_ones_own(ann: Browser, bob: Browser) -> None:
    made = json.loads(bob.call("iam", "CreateAccessKey", UserName="bob").body)["AccessKey"]["AccessKeyId"]
    assert made in bob.call("iam", "ListAccessKeys", UserName="bob").body.decode()
    asked: list[tuple[str, dict[str, Any]]] = [
        ("ListAccessKeys", {"UserName": "bob"}),
        ("CreateAccessKey", {"UserName": "bob"}),
        ("DeleteAccessKey", {"UserName": "bob", "AccessKeyId": made}),
        ("UpdateAccessKey", {"UserName": "bob", "AccessKeyId": made, "Status": "Inactive"}),
        ("UpdateAccessKey", {"UserName": "ann", "AccessKeyId": made, "Status": "Inactive"}),
        ("DeleteAccessKey", {"AccessKeyId": made}),
        ("GetAccessKeyLastUsed", {"AccessKeyId": made}),
        ("GetLoginProfile", {"UserName": "bob"}),
        ("UpdateLoginProfile", {"UserName": "bob", "Password": "Another-horse-8"}),
        ("GetUser", {"UserName": "bob"}),
        ("GetAccountAuthorizationDetails", {}),
        ("GetCredentialReport", {}),
        ("PutUserPolicy", {"UserName": "ann", "PolicyName": "all", "PolicyDocument": "{}"}),
        ("AddUserToGroup", {"UserName": "ann", "GroupName": "g"}),
    ]
    for operation, members in asked:
        answer = ann.call("iam", operation, **members)
        assert answer.status in (403, 404), (operation, answer.body)
        assert made not in answer.body.decode().replace(f"with id {made}", "")
    for name in ("../bob", "ann/../bob", "ann%2f..%2fbob", "bob ", "BOB"):
        assert ann.call("iam", "ListAccessKeys", UserName=name).status in (400, 403, 404)
    assert "Active" in bob.call("iam", "ListAccessKeys", UserName="bob").body.decode()


def test_nothing_else_of_anybody_is_reached(ann: Browser) -> None:
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("sagemaker", "CreatePresignedNotebookInstanceUrl", {"NotebookInstanceName": "lab"}),
        ("sagemaker", "DescribeNotebookInstance", {"NotebookInstanceName": "lab"}),
        ("logs", "GetLogEvents", {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": "j/algo-1"}),
        ("s3", "GetObject", {"Bucket": "b", "Key": "home/bob/secret"}),
        ("secretsmanager", "GetSecretValue", {"SecretId": "s"}),
        ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole",
                               "RoleSessionName": "bob"}),
        ("service-quotas", "RequestServiceQuotaIncrease",
         {"ServiceCode": "sagemaker", "QuotaCode": "L-00000000", "DesiredValue": 1}),
    ]  # fmt: skip
    for service, operation, members in asked:
        answer = ann.call(service, operation, **members)
        assert "AccessDenied" in answer.body.decode(), (operation, answer.status, answer.body)
    settings = ann.ask("GET", f"{CONSOLE}settings")
    assert "not authorized to perform: sagewright:GetServerSettings" in settings.body.decode()


def test_a_cookie_is_no_signature(ann: Browser) -> None:
    target = {"x_amz_target": "SageMaker.ListModels", "content_type": "application/x-amz-json-1.1"}
    assert ann.ask("POST", "/", {}, **target).status == 403
    assert ann.ask("GET", "/bucket/key").status == 403
    for path in ("session", "credentials", "interrupt?job=j"):
        name, _, query = path.partition("?")
        method = "POST" if query else "GET"
        assert ann.ask(method, f"/_sagewright/{name}", query=query).status in (401, 403)
    assert ann.ask("POST", f"{CONSOLE}link").status == 403


def test_only_our_page_acts(ann: Browser, bob: Browser) -> None:
    who = f"{CONSOLE}api/sts/GetCallerIdentity"
    borrowed = Browser(ann.asker, ann.cookie, bob.proof)
    assert borrowed.ask("POST", who, {}).status == 403
    without = Browser(ann.asker, ann.cookie)
    assert without.ask("POST", f"{CONSOLE}sign-out").status == 403
    assert without.ask("GET", f"{CONSOLE}settings").status == 403
    # What a form of elsewhere can send.
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
        told = {"user": "bob", "password": PASSWORD}
        assert Browser(ann.asker).ask("POST", f"{CONSOLE}sign-in", told, content_type=kind).status == 400
        assert without.ask("POST", who, {}, content_type=kind).status == 403
    for origin in (
        "https://evil.example",
        "null",
        "http://127.0.0.1:4701",
        "http://lab.notebook.us-east-1.localhost:4700",
    ):
        assert ann.ask("POST", who, {}, origin=origin).status == 403
    # Nothing is done by looking.
    assert ann.ask("GET", who).status == 404
    assert ann.ask("GET", f"{CONSOLE}sign-out").status == 404
    assert ann.ask("POST", who, {}, origin="http://127.0.0.1:4700").status == 200
    answer = ann.ask("OPTIONS", who, origin="https://evil.example", access_control_request_method="POST")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "assets/../app.py",
        "assets/..%2fapp.py",
        "assets/%2e%2e/app.py",
        "assets//etc/passwd",
        "assets/....//app.py",
        "assets/index.js%00.css",
        "assets/.stamp",
        "api/iam/../sts/GetCallerIdentity",
        "api/%69am/ListUsers",
        "api/iam/ListUsers/",
        "api//ListUsers",
        "api/sagemaker/__init__",
        "../credentials",
        "oidc/../session",
        "session/",
        "SESSION",
    ],
)
def test_odd_paths_lead_nowhere(ann: Browser, path: str) -> None:
    for method in ("GET", "POST"):
        answer = ann.ask(method, f"{CONSOLE}{path}", {} if method == "POST" else b"")
        assert 400 <= answer.status < 500 or path == "session/", (method, answer.status)
        assert b"import" not in answer.body
        assert b"ann" not in answer.body or path == "session/"


def test_a_link_runs_out(whole: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    services = whole.server.app.services
    clock = ManualClock(services.clock.now())
    monkeypatch.setattr(type(services.clock), "now", lambda _: clock.now())
    link = urlencode({"token": sessions.make_link(services)})
    clock.advance(sessions.LINK_SECONDS + 1)
    late = Browser(whole).ask("GET", f"{CONSOLE}enter", query=link)
    assert "set-cookie" not in late.headers
    for token in ("", "../x", "a" * 5000, "%00"):
        answer = Browser(whole).ask("GET", f"{CONSOLE}enter", query=urlencode({"token": token}))
        assert answer.headers["location"] == "/#/sign-in?link=used"


def test_the_page_is_framed_by_nobody(whole: Asker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    monkeypatch.setattr(pages, "BUILT", tmp_path)
    answer = whole.ask("GET", "/", headers={"accept": "text/html"}, signed=False)
    policy = answer.headers["content-security-policy"]
    for rule in ("frame-ancestors 'none'", "script-src 'self'", "base-uri 'none'", "form-action 'none'"):
        assert rule in policy
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize("shown_as", ["document", "iframe", "frame", "embed", "object", "serviceworker", "worker"])
def test_what_users_keep_is_in_a_sandbox(whole: Asker, shown_as: str) -> None:
    answer = whole.ask("GET", "/bucket/page.svg", headers={"sec-fetch-dest": shown_as}, service="s3")
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
