"""The way to a tracking server: who gets through, what goes through, and how refusals read."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sagewright.operations.sagemaker import nouns
from sagewright.operations.tracking.sessions import PREFIX
from sagewright.testing.asker import Answer, Asker
from sagewright.testing.clock import ManualClock
from sagewright.wire.http import Request

RUNS = "/api/2.0/mlflow/runs/get"
CREATE = "/api/2.0/mlflow/runs/create"


@dataclass
class Behind:
    """What stands in MLflow's place, and what it was asked."""

    socket: Path
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200

    def serve(self) -> ThreadingUnixStreamServer:
        behind = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self) -> str:
                return ""

            def log_message(self, *_: Any) -> None: ...

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                told = {name.lower(): value for name, value in self.headers.items()}
                behind.asked.append((self.command, self.path, told, body))
                self.send_response(behind.status)
                self.send_header("content-type", "application/json")
                self.send_header("set-cookie", "theirs=1")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                if self.command == "HEAD":
                    return
                for piece in (b'{"a":', b"1}"):
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            do_POST = do_HEAD = do_GET  # noqa: N815  # as its base names them

        server = ThreadingUnixStreamServer(str(self.socket), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Behind]:
    made = Behind(tmp_path / "s")
    server = made.serve()
    yield made
    server.shutdown()
    server.server_close()


@dataclass
class Tracking:
    """One tracking server, and its users."""

    asker: Asker
    arn: str

    def change(self, **fields: Any) -> None:
        store = self.asker.server.storage.store
        record = nouns.find_by_arn(store, self.arn, "123456789012")
        assert record is not None
        store.update(replace(record, **fields))

    def signed(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: str = "",
        service: str = "sagemaker-mlflow",
        keys: tuple[str, str] | None = None,
        arn: str | None = None,
        **headers: str,
    ) -> Answer:
        """As MLflow's plugin asks: the server's ARN is one of the headers that botocore signs."""
        key_id, secret = keys or self.asker.keys
        sent = {"x-mlflow-sm-tracking-server-arn": arn or self.arn, **_dashed(headers)}
        url = f"http://127.0.0.1:4700{PREFIX}{path}" + (f"?{query}" if query else "")
        request = AWSRequest(method=method, url=url, data=body, headers=sent)
        SigV4Auth(Credentials(key_id, secret), service, "us-east-1").add_auth(request)
        told = {name.lower(): value for name, value in request.headers.items()}
        return self.asker.ask(method, PREFIX + path, query=query, headers=told, body=body, signed=False)

    def browse(self, path: str, method: str = "GET", query: str = "", **headers: str) -> Answer:
        return self.asker.ask(method, path, query=query, headers=_dashed(headers), signed=False)

    def address(self, **options: int) -> tuple[str, str]:
        """A presigned address: path and query."""
        name = {"TrackingServerName": "Runs"}
        url: str = self.asker.call("CreatePresignedMlflowTrackingServerUrl", **name, **options)["AuthorizedUrl"]
        assert url.startswith(f"http://127.0.0.1:4700{PLACE}auth?authToken=")
        path, _, query = url.removeprefix("http://127.0.0.1:4700").partition("?")
        return path, query

    def session(self) -> str:
        path, query = self.address()
        opened = self.browse(path, query=query)
        assert (opened.status, opened.headers["location"]) == (302, PLACE)
        return opened.headers["set-cookie"].partition(";")[0]


PLACE = f"{PREFIX}/mlflow-tracking-server/us-east-1/Runs/"


@pytest.fixture
def tracking(asker: Asker, role: str, behind: Behind) -> Tracking:
    request = {"TrackingServerName": "Runs", "ArtifactStoreUri": "s3://b/a", "RoleArn": role}
    made = Tracking(asker, asker.call("CreateMlflowTrackingServer", **request)["TrackingServerArn"])
    record = nouns.find_by_arn(asker.server.storage.store, made.arn, "123456789012")
    assert record is not None
    serving = {"task": "t", "socket": str(behind.socket)}
    made.change(state="Created", status={**record.status, "IsActive": "Active", "serving": serving})
    return made


@pytest.fixture
def role() -> str:
    return "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def error(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["error_code"]


# Programs.


def test_a_signed_request_is_passed_on_whole(tracking: Tracking, behind: Behind) -> None:
    behind.status = 404
    answer = tracking.signed("POST", CREATE, b'{"x": 1}', query="a=b%20c", content_type="application/json")
    assert (answer.status, answer.body) == (404, b'{"a":1}')
    assert "set-cookie" not in answer.headers
    ((method, path, headers, body),) = behind.asked
    assert (method, path, body) == ("POST", CREATE + "?a=b%20c", b'{"x": 1}')
    assert (headers["host"], headers["content-type"]) == ("localhost", "application/json")
    assert not {"authorization", "cookie", "x-amz-date", "x-mlflow-sm-tracking-server-arn"} & headers.keys()


def test_the_head_of_an_answer_has_no_body(tracking: Tracking, behind: Behind) -> None:
    assert tracking.signed("HEAD", "/health").body == b""


def test_only_the_right_signature_gets_through(tracking: Tracking, behind: Behind) -> None:
    assert error(tracking.signed("GET", RUNS, service="sagemaker")) == (403, "PERMISSION_DENIED")
    assert error(tracking.signed("GET", RUNS, keys=(tracking.asker.keys[0], "wrong"))) == (403, "PERMISSION_DENIED")
    assert error(tracking.signed("GET", RUNS, keys=("AKIANOBODY", "wrong"))) == (403, "PERMISSION_DENIED")
    by_name, service = PLACE[:-1] + RUNS, "sagemaker-mlflow"
    late = tracking.asker.ask("GET", by_name, service=service, at=tracking.asker.now - 3600)
    assert error(late) == (403, "PERMISSION_DENIED")
    assert error(tracking.asker.ask("GET", by_name, signed=False)) == (401, "UNAUTHENTICATED")
    assert tracking.asker.ask("GET", by_name, service=service).status == 200
    behind.asked.clear()
    assert error(tracking.asker.ask("GET", PREFIX + RUNS, service="sagemaker-mlflow")) == (404, "ENDPOINT_NOT_FOUND")
    assert behind.asked == []


def test_the_arn_must_be_signed_too(tracking: Tracking) -> None:
    headers = {"host": "127.0.0.1:4700"}
    signature = tracking.asker.signature(Request("GET", PREFIX + RUNS, "", headers, b""), "sagemaker-mlflow")
    sent = {**headers, **signature, "x-mlflow-sm-tracking-server-arn": tracking.arn}
    answer = tracking.asker.ask("GET", PREFIX + RUNS, headers=sent, signed=False)
    assert error(answer) == (403, "PERMISSION_DENIED")
    assert b"must be signed" in answer.body


@pytest.fixture
def user(asker: Asker) -> Callable[..., tuple[str, str]]:
    """The keys of a user who may do what the statement allows."""

    def iam(action: str, **members: str) -> str:
        body = urlencode({"Action": action, "Version": "2010-05-08", **members}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = asker.ask(service="iam", headers=headers, body=body)
        assert answer.status == 200, answer.body
        return answer.body.decode()

    def make(actions: Sequence[str], resource: str) -> tuple[str, str]:
        iam("CreateUser", UserName="u")
        statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam("PutUserPolicy", UserName="u", PolicyName="p", PolicyDocument=document)
        key = iam("CreateAccessKey", UserName="u")
        return key.split("<AccessKeyId>")[1].split("<")[0], key.split("<SecretAccessKey>")[1].split("<")[0]

    return make


def test_policies_name_mlflows_calls(tracking: Tracking, user: Callable[..., tuple[str, str]]) -> None:
    keys = user(["sagemaker-mlflow:GetRun"], tracking.arn)
    assert tracking.signed("GET", RUNS, keys=keys).status == 200
    refused = tracking.signed("POST", CREATE, b"{}", keys=keys)
    assert error(refused) == (403, "PERMISSION_DENIED")
    assert f"sagemaker-mlflow:CreateRun on resource: {tracking.arn}".encode() in refused.body
    assert error(tracking.signed("GET", "/", keys=keys)) == (403, "PERMISSION_DENIED")


def test_what_is_not_mlflows_interface_is_not_passed_on(tracking: Tracking, behind: Behind) -> None:
    for path in ("/api/3.0/mlflow/gateway/secrets/list", "/ajax-api/3.0/mlflow/assistant/config", "/x", "//health"):
        assert error(tracking.signed("GET", path)) == (404, "ENDPOINT_NOT_FOUND"), path
    assert error(tracking.signed("DELETE", RUNS)) == (404, "ENDPOINT_NOT_FOUND")
    assert behind.asked == []


def test_an_arn_of_nothing_is_not_found(tracking: Tracking) -> None:
    for arn in (tracking.arn + "x", "no arn", "arn:aws:sagemaker:us-east-1:123456789012:model/a"):
        answer = tracking.signed("GET", RUNS, arn=arn)
        assert error(answer) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("state", "status", "sentence"),
    [
        ("Starting", 503, "does not answer yet"),
        ("Created", 503, "does not answer yet"),  # it ended, and another one comes up
        ("Stopped", 400, "start-mlflow-tracking-server"),
        ("CreateFailed", 400, "is in status CreateFailed"),
        ("Deleting", 400, "is in status Deleting"),
    ],
)
def test_who_does_not_answer_says_why(tracking: Tracking, state: str, status: int, sentence: str) -> None:
    record = nouns.find_by_arn(tracking.asker.server.storage.store, tracking.arn, "123456789012")
    assert record is not None
    tracking.change(state=state, status={name: value for name, value in record.status.items() if name != "serving"})
    answer = tracking.signed("GET", RUNS)
    assert answer.status == status
    assert sentence in json.loads(answer.body)["message"]


def test_a_process_that_is_gone_is_a_503(tracking: Tracking, tmp_path: Path) -> None:
    record = nouns.find_by_arn(tracking.asker.server.storage.store, tracking.arn, "123456789012")
    assert record is not None
    tracking.change(status={**record.status, "serving": {"task": "t", "socket": str(tmp_path / "gone")}})
    assert error(tracking.signed("GET", RUNS)) == (503, "TEMPORARILY_UNAVAILABLE")


# Browsers.


def test_an_address_opens_one_session(tracking: Tracking, behind: Behind) -> None:
    path, query = tracking.address(SessionExpirationDurationInSeconds=1800)
    opened = tracking.browse(path, query=query)
    assert (opened.status, opened.headers["location"]) == (302, PLACE)
    kept = opened.headers["set-cookie"]
    assert kept.endswith(f"; Path={PLACE}; Max-Age=1800; HttpOnly; SameSite=Lax")
    assert error(tracking.browse(path, query=query)) == (401, "UNAUTHENTICATED")
    cookie = f"other=1; {kept.partition(';')[0]}"
    assert tracking.browse(PLACE, cookie=cookie).status == 200
    search = PLACE + "ajax-api/2.0/mlflow/runs/search"
    assert tracking.browse(search, "POST", cookie=cookie, origin="http://127.0.0.1:4700").status == 200
    assert [path for _, path, _, _ in behind.asked] == ["/", "/ajax-api/2.0/mlflow/runs/search"]
    assert error(tracking.browse(search, "POST", cookie=cookie, origin="http://elsewhere")) == (
        403,
        "PERMISSION_DENIED",
    )
    # The same cookie opens nothing else.
    assert error(tracking.browse(PLACE.replace("Runs", "Runs2"), cookie=cookie)) == (401, "UNAUTHENTICATED")


def test_addresses_and_sessions_run_out(tracking: Tracking, monkeypatch: pytest.MonkeyPatch) -> None:
    path, query = tracking.address(ExpiresInSeconds=5)
    cookie = tracking.session()
    services = tracking.asker.server.app.services
    clock = ManualClock(services.clock.now() + 6)
    monkeypatch.setattr(type(services.clock), "now", lambda _: clock.now())
    assert error(tracking.browse(path, query=query)) == (401, "UNAUTHENTICATED")
    assert tracking.browse(PLACE, cookie=cookie).status == 200
    clock.advance(43_200)
    assert error(tracking.browse(PLACE, cookie=cookie)) == (401, "UNAUTHENTICATED")


def test_who_may_not_see_the_interface_opens_no_session(
    tracking: Tracking, user: Callable[..., tuple[str, str]]
) -> None:
    keys = user(["sagemaker:CreatePresignedMlflowTrackingServerUrl"], "*")
    headers = {
        "x-amz-target": "SageMaker.CreatePresignedMlflowTrackingServerUrl",
        "content-type": "application/x-amz-json-1.1",
    }
    answer = tracking.asker.ask(headers=headers, body=b'{"TrackingServerName": "Runs"}', keys=keys)
    path, _, query = json.loads(answer.body)["AuthorizedUrl"].removeprefix("http://127.0.0.1:4700").partition("?")
    refused = tracking.browse(path, query=query)
    assert error(refused) == (403, "PERMISSION_DENIED")
    assert b"sagemaker-mlflow:AccessUI" in refused.body


def test_browsers_are_told_what_to_do(tracking: Tracking) -> None:
    for path in (PLACE, PREFIX + "/"):
        answer = tracking.browse(path, accept="text/html")
        assert answer.headers["content-type"].startswith("text/html")
        assert b"create-presigned-mlflow-tracking-server-url" in answer.body
    assert tracking.browse(PLACE[:-1]).headers["location"] == PLACE


def test_a_program_leaves_an_apps_address_to_its_user(asker: Asker, role: str, behind: Behind) -> None:
    """SDK v3 looks up an experiment with the address before it gives it away."""
    arn = asker.call("CreateMlflowApp", Name="a", ArtifactStoreUri="s3://b/a", RoleArn=role)["Arn"]
    app = Tracking(asker, arn)
    record = nouns.find_by_arn(asker.server.storage.store, arn, "123456789012")
    assert record is not None
    app.change(state="Created", status={**record.status, "serving": {"task": "t", "socket": str(behind.socket)}})
    url: str = asker.call("CreatePresignedMlflowAppUrl", Arn=arn)["AuthorizedUrl"]
    path, _, query = url.removeprefix("http://127.0.0.1:4700").partition("?")
    assert app.browse(path, query=query, accept="*/*").status == 302
    assert app.browse(path, query=query, accept="text/html").status == 302
    assert app.browse(path, query=query, accept="text/html").status == 401


def test_apps_are_asked_as_sagemaker(asker: Asker, role: str, behind: Behind) -> None:
    arn = asker.call("CreateMlflowApp", Name="a", ArtifactStoreUri="s3://b/a", RoleArn=role)["Arn"]
    record = nouns.find_by_arn(asker.server.storage.store, arn, "123456789012")
    assert record is not None
    app = Tracking(asker, arn)
    app.change(state="Created", status={**record.status, "serving": {"task": "t", "socket": str(behind.socket)}})
    path = f"{PREFIX}/mlflow-app/us-east-1/{record.name}{RUNS}"
    assert asker.ask("GET", path, service="sagemaker").status == 200
    assert error(asker.ask("GET", path, service="sagemaker-mlflow")) == (403, "PERMISSION_DENIED")
