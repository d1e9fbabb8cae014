"""The way to a notebook instance: whose address opens it, what goes through, and what pages of elsewhere may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sagewright.resources.notebook_instance import KIND
from sagewright.resources.record import Key
from sagewright.testing.asker import Answer, Asker
from sagewright.testing.clock import ManualClock

from .test_mlflow import Behind

ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"


@dataclass
class Lab:
    """One instance, and who comes to it."""

    asker: Asker
    name: str
    host: str

    def address(self, **options: int) -> str:
        asked = {"NotebookInstanceName": self.name, **options}
        return str(self.asker.call("CreatePresignedNotebookInstanceUrl", **asked)["AuthorizedUrl"])

    def browse(self, path: str, method: str = "GET", query: str = "", body: bytes = b"", **headers: str) -> Answer:
        told = {"host": self.host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.asker.ask(method, path, query=query, headers=told, body=body, signed=False)

    def opened(self, url: str) -> Answer:
        return self.browse("/", query=urlsplit(url).query)

    def session(self, **options: int) -> str:
        return self.opened(self.address(**options)).headers["set-cookie"].partition(";")[0]


@pytest.fixture
def clock(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """The server's."""
    services = lab.asker.server.app.services
    made = ManualClock(services.clock.now())
    monkeypatch.setattr(type(services.clock), "now", lambda _: made.now())
    return made


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Behind]:
    made = Behind(tmp_path / "s")
    server = made.serve()
    yield made
    server.shutdown()
    server.server_close()


def lab_of(asker: Asker, behind: Behind, name: str) -> Lab:
    asker.call("CreateNotebookInstance", NotebookInstanceName=name, InstanceType="ml.t3.medium", RoleArn=ROLE)
    store = asker.server.storage.store
    record = store.get(Key("123456789012", "us-east-1", KIND, "", name))
    assert record is not None
    serving = {"task": "t", "socket": str(behind.socket)}
    store.update(replace(record, state="InService", status={**record.status, "serving": serving}))
    return Lab(asker, name, asker.call("DescribeNotebookInstance", NotebookInstanceName=name)["Url"])


@pytest.fixture
def lab(asker: Asker, behind: Behind) -> Lab:
    return lab_of(asker, behind, "Lab")


def test_a_session_leads_to_jupyter_without_its_cookie(lab: Lab, behind: Behind) -> None:
    opened = lab.opened(lab.address())
    assert (opened.status, opened.headers["location"]) == (302, "/lab")
    assert opened.headers["set-cookie"].endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax")
    cookie = opened.headers["set-cookie"].partition(";")[0]
    origin = f"http://{lab.host}"
    answer = lab.browse("/api/x", "POST", "a=b", b"{}", cookie=f"a=b; {cookie}", origin=origin, authorization="token x")
    assert (answer.status, answer.body, "set-cookie" in answer.headers) == (200, b'{"a":1}', False)
    ((method, path, headers, body),) = behind.asked
    assert (method, path, body, headers["host"]) == ("POST", "/api/x?a=b", b"{}", lab.host)
    assert not {"cookie", "authorization"} & headers.keys()


def test_an_address_holds_once_and_for_five_minutes(lab: Lab, clock: ManualClock) -> None:
    url = lab.address()
    assert [lab.opened(url).status for _ in range(2)] == [302, 401]
    url = lab.address()
    clock.advance(301)
    assert lab.opened(url).status == 401


def test_a_session_ends(lab: Lab, clock: ManualClock) -> None:
    cookie = lab.session(SessionExpirationDurationInSeconds=1800)
    assert lab.browse("/lab", cookie=cookie).status == 200
    clock.advance(1801)
    assert lab.browse("/lab", cookie=cookie).status == 401


def test_a_session_is_of_one_instance(lab: Lab, behind: Behind) -> None:
    other = lab_of(lab.asker, behind, "other")
    assert other.browse("/lab", cookie=lab.session()).status == 401
    assert other.opened(lab.address()).status == 401
    behind.asked.clear()
    assert lab.browse("/lab").status == 401
    assert behind.asked == []


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"origin": "http://other.notebook.us-east-1.localhost:4700"}, 403),
        ("GET", {"origin": "null"}, 403),
        ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, 403),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ("POST", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
        ("GET", {"upgrade": "websocket", "origin": "http://evil.example.com"}, 403),
        ("GET", {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),
    ],
)
def test_pages_of_elsewhere_act_in_nobodys_name(lab: Lab, method: str, headers: dict[str, Any], status: int) -> None:
    told = {name.replace("-", "_"): value for name, value in headers.items()}
    assert lab.browse("/api/kernels", method, cookie=lab.session(), **told).status == status


def test_an_instance_that_does_not_run_says_so(lab: Lab) -> None:
    cookie = lab.session()
    lab.asker.call("StopNotebookInstance", NotebookInstanceName="Lab")
    store = lab.asker.server.storage.store
    record = store.get(Key("123456789012", "us-east-1", KIND, "", "Lab"))
    assert record is not None
    kept = {name: value for name, value in record.status.items() if name != "serving"}
    store.update(replace(record, state="Stopped", status=kept))
    answer = lab.browse("/lab", cookie=cookie)
    assert (answer.status, b"start-notebook-instance" in answer.body) == (409, True)


def test_other_hosts_are_none_of_ours(lab: Lab) -> None:
    for host in ("lab.notebook.us-east-1.example.com", "127.0.0.1:4700", "notebook.us-east-1.localhost"):
        answer = lab.asker.ask("GET", "/lab", headers={"host": host, "cookie": lab.session()}, signed=False)
        assert b"JupyterLab" not in answer.body
        assert answer.status != 200
