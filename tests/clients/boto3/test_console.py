"""Signing in to the console, and what it asks: plain HTTP, as a browser speaks it, beside boto3."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import boto3
import pytest

PASSWORD = "Correct-horse-7"
CONSOLE = "/_sagewright/console/"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        return None


@dataclass
class Browser:
    """Keeps the cookie and the proof, as the page does."""

    url: str
    cookie: str = ""
    proof: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookie:
            sent["cookie"] = self.cookie
        if self.proof:
            sent["x-sagewright-proof"] = self.proof
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json", **sent})
        request.method = method
        try:
            answer = urllib.request.build_opener(_Stay).open(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            if "set-cookie" in answer.headers:
                self.cookie = answer.headers["set-cookie"].partition(";")[0]
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())

    def sign_in(self, user: str, password: str, **more: str) -> Answer:
        answer = self.ask("POST", f"{CONSOLE}sign-in", {"user": user, "password": password, **more})
        if answer.status == 204:
            self.proof = self.ask("GET", f"{CONSOLE}session").json["proof"]
        return answer

    def call(self, service: str, operation: str, **params: Any) -> Answer:
        return self.ask("POST", f"{CONSOLE}api/{service}/{operation}", params)


@pytest.fixture(scope="module")
def url() -> str:
    return os.environ["AWS_ENDPOINT_URL"]


@pytest.fixture
def user(unique: Callable[[str], str]) -> str:
    """A user with a password, who may read what SageMaker has."""
    iam, name = boto3.client("iam"), unique("ada")
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerReadOnly")
    return name


@pytest.fixture
def browser(url: str, user: str) -> Browser:
    browser = Browser(url)
    assert browser.sign_in(user, PASSWORD).status == 204
    return browser


@pytest.fixture
def root(url: str, server: Any) -> Browser:
    """Signed in by the link of `sagewright console`."""
    browser = Browser(url)
    link = server.command("console").strip()
    assert browser.ask("GET", link.removeprefix(url)).headers["location"] == "/"
    browser.proof = browser.ask("GET", f"{CONSOLE}session").json["proof"]
    return browser


def test_a_user_signs_in_asks_and_signs_out(browser: Browser, user: str) -> None:
    session = browser.ask("GET", f"{CONSOLE}session").json
    assert (session["user"], session["arn"]) == (user, boto3.client("iam").get_user(UserName=user)["User"]["Arn"])
    assert browser.call("sts", "GetCallerIdentity").json["Arn"] == session["arn"]
    assert isinstance(browser.call("sagemaker", "ListTrainingJobs").json["TrainingJobSummaries"], list)
    kept = Browser(browser.url, browser.cookie, browser.proof)
    assert browser.ask("POST", f"{CONSOLE}sign-out").status == 204
    assert kept.call("sts", "GetCallerIdentity").status == 401


def test_cookies_are_kept_from_scripts_and_other_sites(url: str, user: str) -> None:
    answer = Browser(url).sign_in(user, PASSWORD)
    assert {"HttpOnly", "SameSite=Strict", f"Path={CONSOLE}"} <= set(answer.headers["set-cookie"].split("; "))
    behind_tls = Browser(url, headers={"x-forwarded-proto": "https"}).sign_in(user, PASSWORD)
    assert behind_tls.headers["set-cookie"].endswith("; Secure")


def test_policies_hold_as_for_signed_requests(browser: Browser) -> None:
    refused = browser.call("sagemaker", "DeleteEndpoint", EndpointName="any")
    assert (refused.status, refused.json["__type"]) == (400, "AccessDeniedException")
    assert "is not authorized to perform: sagemaker:DeleteEndpoint" in json.dumps(refused.json)
    assert browser.call("iam", "ListUsers").status == 403


def test_bad_input_is_refused_in_the_models_words(browser: Browser) -> None:
    wrong = browser.call("sagemaker", "DescribeTrainingJob", TrainingJobName="a_b")
    assert (wrong.status, wrong.json["__type"]) == (400, "ValidationException")
    assert browser.call("sagemaker", "Dance").status == 404
    assert browser.call("nothing", "Dance").status == 404
    assert browser.ask("POST", f"{CONSOLE}api/sagemaker/ListModels", b"{").status == 400
    assert browser.call("sagemaker-runtime", "InvokeEndpointWithResponseStream", EndpointName="e").status == 400
    assert browser.ask("PUT", f"{CONSOLE}session").status == 404


def test_pages_of_elsewhere_may_not_ask(browser: Browser, user: str) -> None:
    def status(**headers: str) -> int:
        return browser.ask("POST", f"{CONSOLE}api/sts/GetCallerIdentity", {}, **headers).status

    assert status() == 200
    assert status(origin="https://evil.example") == 403
    assert status(origin="null") == 403
    assert status(sec_fetch_site="same-site") == 403
    assert status(x_sagewright_region="../x") == 400
    without = Browser(browser.url, browser.cookie, "0" * 64)
    assert without.call("sts", "GetCallerIdentity").status == 403
    evil = Browser(browser.url, headers={"origin": "https://evil.example"})
    assert evil.sign_in(user, PASSWORD).status == 403


def test_nobody_learns_who_is_there(url: str, user: str) -> None:
    wrong, nobody = Browser(url).sign_in(user, "wrong"), Browser(url).sign_in("nobody", "wrong")
    assert wrong.status == nobody.status == 401
    assert wrong.json == nobody.json
    assert Browser(url).ask("POST", f"{CONSOLE}sign-in", b"[]").status == 400
    assert Browser(url).ask("POST", f"{CONSOLE}sign-in", {"user": 1, "password": None}).status == 400


def test_passwords_may_not_be_guessed(url: str, user: str) -> None:
    statuses = [Browser(url).sign_in(user, f"guess-{number}").status for number in range(11)]
    assert statuses == [401] * 10 + [429]
    refused = Browser(url).sign_in(user, PASSWORD)
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) > 0


def test_sessions_end_with_the_password(browser: Browser, user: str) -> None:
    boto3.client("iam").update_login_profile(UserName=user, Password="Another-horse-8")
    assert browser.call("sts", "GetCallerIdentity").status == 401
    assert Browser(browser.url).sign_in(user, PASSWORD).status == 401
    assert Browser(browser.url).sign_in(user, "Another-horse-8").status == 204


def test_a_password_that_must_be_changed_is(url: str, user: str) -> None:
    boto3.client("iam").update_login_profile(UserName=user, PasswordResetRequired=True)
    asked = Browser(url).sign_in(user, PASSWORD)
    assert (asked.status, asked.json["__type"]) == (403, "PasswordResetRequired")
    assert Browser(url).sign_in(user, PASSWORD, newPassword="short").json["__type"] == "PasswordPolicyViolation"
    assert Browser(url).sign_in(user, PASSWORD, newPassword="Another-horse-8").status == 204
    assert Browser(url).sign_in(user, "Another-horse-8").status == 204


def test_a_link_opens_roots_session_once(root: Browser, server: Any) -> None:
    assert root.ask("GET", f"{CONSOLE}session").json["user"] == "root"
    assert root.call("iam", "ListUsers").status == 200
    link = urlsplit(server.command("console").strip())
    again = Browser(root.url)
    assert again.ask("GET", f"{link.path}?{link.query}").headers["location"] == "/"
    used = Browser(root.url).ask("GET", f"{link.path}?{link.query}")
    assert "set-cookie" not in used.headers
    assert "used" in used.headers["location"]
    assert Browser(root.url).ask("POST", f"{CONSOLE}link").status == 403


def test_sessions_outlive_the_server(own_server: Any) -> None:
    browser = Browser(f"http://127.0.0.1:{own_server.port}")
    browser.ask("GET", own_server.command("console").strip().removeprefix(browser.url))
    browser.proof = browser.ask("GET", f"{CONSOLE}session").json["proof"]
    own_server.kill()
    own_server.start()
    assert browser.call("sts", "GetCallerIdentity").json["Arn"].endswith(":root")


def test_users_are_added_on_the_command_line(url: str, server: Any, unique: Callable[[str], str]) -> None:
    name = unique("grace")
    told = server.command("users", "add", name, "--password", PASSWORD, "--policy", "AmazonSageMakerFullAccess")
    assert f"{name} signs in at" in told
    browser = Browser(url)
    assert browser.sign_in(name, PASSWORD).status == 204
    assert browser.call("sagemaker", "ListModels").status == 200
    server.command("users", "password", name, "--password", "Another-horse-8")
    assert browser.call("sagemaker", "ListModels").status == 401
    assert f"{name:<32} signs in" in server.command("users", "list")
    with pytest.raises(subprocess.CalledProcessError):
        server.command("users", "add", f"{name}2", "--password", "short")
    assert f"{name}2" not in server.command("users", "list")


def test_objects_are_bodies(root: Browser, box: str) -> None:
    members = quote(json.dumps({"Bucket": box, "Key": "ä/b.csv", "ContentType": "text/html"}))
    data = bytes(range(256)) * 100
    put = root.ask("POST", f"{CONSOLE}api/s3/PutObject", data, x_sagewright_members=members)
    assert put.status == 200
    listed = root.call("s3", "ListObjectsV2", Bucket=box).json["Contents"]
    assert [(each["Key"], each["Size"], each["ETag"]) for each in listed] == [("ä/b.csv", len(data), put.json["ETag"])]
    got = root.call("s3", "GetObject", Bucket=box, Key="ä/b.csv", Range="bytes=0-255")
    assert (got.body, got.headers["content-type"]) == (data[:256], "application/octet-stream")
    assert json.loads(unquote(got.headers["x-sagewright-members"]))["ContentType"] == "text/html"
    assert root.call("s3", "GetObject", Bucket=box, Key="none").json["__type"] == "NoSuchKey"
    assert root.call("s3", "PutObject", Bucket=box, Key="k", Body="").status == 400


def test_every_protocol_is_spoken(root: Browser) -> None:
    assert root.call("cloudwatch", "ListMetrics", Namespace="/aws/sagemaker/Nothing").json["Metrics"] == []
    now = root.call("ce", "GetCostAndUsage", TimePeriod={"Start": "2026-01-01", "End": "2026-01-02"},
                    Granularity="DAILY", Metrics=["UnblendedCost"])  # fmt: skip
    assert now.status == 200
    put = {"Namespace": "N", "MetricData": [{"MetricName": "m", "Value": 1.5}]}
    assert root.call("cloudwatch", "PutMetricData", **put).status == 200
    unknown = root.call(
        "sagemaker-runtime", "InvokeEndpoint", EndpointName="none", Body=base64.b64encode(b"1").decode()
    )
    assert unknown.status == 400
    assert "none" in unknown.json["message" if "message" in unknown.json else "Message"]


def test_changes_are_told_to_who_may_hear(browser: Browser, role: str, unique: Callable[[str], str]) -> None:
    request = urllib.request.Request(f"{browser.url}{CONSOLE}events", headers={"cookie": browser.cookie})
    name = unique("heard")
    with urllib.request.urlopen(request, timeout=60) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.readline() == b"retry: 3000\n"
        image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
        boto3.client("sagemaker").create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": image})
        told = next(json.loads(line[6:]) for line in stream if line.startswith(b"data: ") and name.encode() in line)
    assert told == {"kind": "model", "name": name}
    boto3.client("sagemaker").delete_model(ModelName=name)
    assert Browser(browser.url).ask("GET", f"{CONSOLE}events").status == 401


def test_what_users_keep_acts_not_as_the_console(url: str, box: str) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=box, Key="page.html", Body=b"<script>alert(1)</script>", ContentType="text/html")
    address = s3.generate_presigned_url("get_object", Params={"Bucket": box, "Key": "page.html"})
    request = urllib.request.Request(address, headers={"sec-fetch-dest": "document"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["content-security-policy"] == "sandbox"
    with urllib.request.urlopen(address, timeout=60) as answer:
        assert answer.headers["content-security-policy"] is None


def test_notebooks_hosts_are_not_the_consoles(browser: Browser, user: str) -> None:
    host = "lab.notebook.us-east-1.localhost"
    for path in ("/", f"{CONSOLE}session"):
        elsewhere = browser.ask("GET", path, host=host, accept="text/html")
        assert user not in elsewhere.body.decode()
        assert b"/_sagewright/console/assets/" not in elsewhere.body
    assert browser.ask("POST", f"{CONSOLE}api/sts/GetCallerIdentity", {}, origin=f"http://{host}").status == 403
