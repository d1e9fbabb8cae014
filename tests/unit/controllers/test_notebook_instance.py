"""The life of a notebook instance: it comes up or does not, ends and is started anew, is stopped, idle, deleted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sagewright.compute.fake import Plan
from sagewright.controllers import health
from sagewright.controllers.notebook_instance import START_TIMEOUT, NotebookInstances
from sagewright.resources import usage
from sagewright.resources.notebook_instance import KIND, LOG_GROUP, SESSION
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query

from .conftest import ACCOUNT, REGION, Bench, Killed

KEY = Key(ACCOUNT, REGION, KIND, "", "lab")
ROLE = "arn:aws:iam::123456789012:role/R"
SOCKET = Path("/jupyter")
SERVES = Plan(after=None, on_stop=0, address=SOCKET)
SPEC = {
    "RoleArn": ROLE,
    "InstanceType": "ml.t3.medium",
    "VolumeSizeInGB": 5,
    "RootAccess": "Enabled",
    "DirectInternetAccess": "Enabled",
    "generation": 1,
}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What JupyterLab answers, by path."""
    found: dict[str, Any] = {"/api": {}, "/api/kernels": [], "/api/terminals": []}

    def ask(path: Path, target: str) -> bytes | None:
        return json.dumps(found[target]).encode() if path == SOCKET and target in found else None

    monkeypatch.setattr(health, "ask", ask)
    return found


def instances(bench: Bench, idle: float = 0.0, docker: Path | None = None) -> NotebookInstances:
    """What the next server has."""
    bench.engine.plan("*", SERVES)
    folder = bench.folder / "notebooks"
    return NotebookInstances(bench.platform, bench.wake, bench.room(2), folder, idle=idle, docker=docker)


def create(bench: Bench, **members: Any) -> None:
    now = bench.clock.now()
    status = {"NotebookInstanceArn": "arn:lab"}
    bench.store.create(Record(KEY, "u", now, now, spec={**SPEC, **members}, status=status, state="Pending"))


def record(bench: Bench) -> Record:
    found = bench.store.get(KEY)
    assert found is not None
    return found


def running(bench: Bench) -> Sequence[str]:
    return [task for task in bench.engine.list() if bench.engine.inspect(task).phase == "running"]


def service(bench: Bench, made: NotebookInstances, **members: Any) -> None:
    create(bench, **members)
    bench.settle(made, KEY)
    assert record(bench).state == "InService"


def told(bench: Bench) -> dict[str, Any]:
    folder = bench.engine.started[-1].folder
    assert folder is not None
    found: dict[str, Any] = json.loads((folder / "input/config/notebook.json").read_text())
    return found


def kept(bench: Bench, kind: str, **members: Any) -> None:
    status = {"NotebookInstanceLifecycleConfigArn": "arn:config"}
    bench.store.create(Record(Key(ACCOUNT, REGION, kind, "", "c"), "k", 0.0, 0.0, spec=members, status=status))


def test_an_instance_serves_when_jupyter_answers(bench: Bench, said: dict[str, Any]) -> None:
    made = instances(bench)
    del said["/api"]
    create(bench)
    for _ in range(3):
        bench.look(made, KEY)
    assert record(bench).state == "Pending"
    said["/api"] = {}
    bench.settle(made, KEY)
    assert record(bench).status["serving"] == {"task": "notebook-u-1", "socket": str(SOCKET)}
    (task,) = bench.engine.started
    volume = next(mount for mount in task.mounts if mount.writable)
    assert (volume.source, volume.target) == (bench.folder / "notebooks/u/SageMaker", "/home/ec2-user/SageMaker")
    assert (task.network, task.hosts["localhost"].startswith("127.")) == ("host", True)
    assert next(iter(told(bench)["kernels"])) == "conda_python3"


@pytest.mark.parametrize("docker", [None, Path("/engine.sock")])
def test_a_container_engine_is_shown_where_the_server_says_so(
    bench: Bench, said: dict[str, Any], docker: Path | None
) -> None:
    service(bench, instances(bench, docker=docker))
    (task,) = bench.engine.started
    shown = [mount.source for mount in task.mounts if mount.target == "/run/docker.sock"]
    assert shown == ([docker] if docker else [])
    assert ("DOCKER_HOST" in task.environment) == bool(docker)
    assert task.environment["UV_INDEX_URL"] == "https://index"


def test_one_without_direct_access_reaches_the_platform_only(bench: Bench, said: dict[str, Any]) -> None:
    service(bench, instances(bench), DirectInternetAccess="Disabled", RootAccess="Disabled")
    (task,) = bench.engine.started
    assert (task.network, task.hosts, told(bench)["root_access"]) == ("platform", {}, False)


def test_what_is_made_once_is_told_once(bench: Bench, said: dict[str, Any]) -> None:
    scripts = {"OnCreate": [{"Content": "YQ=="}], "OnStart": [{"Content": "Yg=="}]}
    kept(bench, "notebook-instance-lifecycle-config", **scripts)
    git = {"RepositoryUrl": "https://h/r.git", "Branch": "b", "SecretArn": "arn:secret"}
    kept(bench, "code-repository", GitConfig=git)
    made = instances(bench)
    service(bench, made, NotebookInstanceLifecycleConfigName="c", AdditionalCodeRepositories=["c", "https://h/x"])
    assert told(bench)["scripts"] == {"OnCreate": "YQ==", "OnStart": "Yg=="}
    first, second = told(bench)["repositories"]
    assert first == {"url": "https://h/r.git", "branch": "b", "secret": "arn:secret"}
    assert (second, told(bench)["has_default"]) == ({"url": "https://h/x"}, False)
    bench.change(KEY, state="Stopping")
    bench.settle(made, KEY)
    bench.change(KEY, state="Pending", spec={**record(bench).spec, "generation": 2})
    bench.settle(made, KEY)
    assert told(bench)["scripts"] == {"OnStart": "Yg=="}


def test_what_it_names_must_be_there(bench: Bench, said: dict[str, Any]) -> None:
    create(bench, NotebookInstanceLifecycleConfigName="gone")
    bench.settle(instances(bench), KEY)
    assert (record(bench).state, running(bench)) == ("Failed", [])
    assert "The lifecycle configuration gone is gone." in record(bench).status["FailureReason"]


def test_one_that_cannot_start_says_why(bench: Bench, said: dict[str, Any]) -> None:
    made = instances(bench)
    bench.engine.plan("*", Plan(after=5, lines=["No space"], exit_code=1))
    create(bench)
    bench.look(made, KEY)
    bench.settle(made, KEY)
    assert (record(bench).state, "run" in record(bench).status) == ("Failed", False)
    assert "did not come up. Its last lines: No space" in record(bench).status["FailureReason"]
    assert "No space" in bench.lines(LOG_GROUP)


def test_one_that_never_answers_fails(bench: Bench, said: dict[str, Any]) -> None:
    made = instances(bench)
    said.clear()
    create(bench)
    bench.look(made, KEY)
    bench.engine.advance(START_TIMEOUT + 1)
    bench.settle(made, KEY)
    assert (record(bench).state, running(bench)) == ("Failed", [])


@pytest.mark.parametrize("step", ["start", "destroy"])
def test_a_killed_server_starts_nothing_twice(bench: Bench, said: dict[str, Any], step: str) -> None:
    create(bench)
    made = instances(bench)
    bench.engine.die_at = step
    with pytest.raises(Killed):
        bench.settle(made, KEY)
    assert list(made.tasks(record(bench))) == ["notebook-u-1"]
    bench.settle(instances(bench), KEY)
    assert (record(bench).state, len(bench.engine.started)) == ("InService", 1)


def test_one_that_ends_is_started_anew(bench: Bench, said: dict[str, Any]) -> None:
    made = instances(bench)
    bench.engine.plan("notebook-u-1", Plan(after=50, lines=["one"], exit_code=1, address=SOCKET))
    bench.engine.plan("notebook-u-2", Plan(after=None, lines=["two"], on_stop=0, address=SOCKET))
    create(bench)
    bench.settle(made, KEY, looks=2000)
    assert (record(bench).state, running(bench)) == ("InService", ["notebook-u-2"])
    assert [line for line in bench.lines(LOG_GROUP) if "sagewright" not in line] == ["one", "two"]


def test_a_stopped_one_keeps_its_volume_and_is_metered(bench: Bench, said: dict[str, Any]) -> None:
    made = instances(bench)
    service(bench, made)
    bench.engine.advance(100)
    bench.change(KEY, state="Stopping")
    bench.settle(made, KEY)
    assert (record(bench).state, bench.engine.list(), bench.folders) == ("Stopped", [], [])
    assert (bench.folder / "notebooks/u/SageMaker").is_dir()
    (entry,) = bench.store.list(Query(ACCOUNT, "", usage.KIND), limit=10).records
    (line,) = usage.entry(entry).lines
    assert (line.kind, line.instance_type, line.end - line.start >= 100) == ("Notebook", "ml.t3.medium", True)


def test_one_that_nobody_uses_is_stopped(bench: Bench, said: dict[str, Any]) -> None:
    made = instances(bench, idle=60.0)
    said["/api/kernels"] = [{"execution_state": "idle", "connections": 1, "last_activity": "2020-01-01T00:00:00Z"}]
    service(bench, made)
    last = datetime.fromtimestamp(bench.clock.now(), UTC).isoformat()
    said["/api/kernels"] = [{"execution_state": "idle", "connections": 0, "last_activity": "2020-01-01T00:00:00Z"}]
    said["/api/terminals"] = [{"name": "1", "last_activity": last}]
    begun = bench.clock.now()
    bench.settle(made, KEY, looks=2000)
    assert record(bench).state == "Stopped"
    assert bench.clock.now() - begun >= 60
    assert "Nobody used it for 1 minutes" in bench.lines(LOG_GROUP)[-1]


def test_an_update_and_a_deletion_leave_nothing(bench: Bench, said: dict[str, Any]) -> None:
    made = instances(bench)
    service(bench, made)
    bench.change(KEY, state="Stopping")
    bench.settle(made, KEY)
    bench.change(KEY, state="Updating")
    bench.settle(made, KEY)
    assert record(bench).state == "Stopped"
    key = Key(ACCOUNT, REGION, SESSION, "u", "s")
    bench.store.create(Record(key, "v", 0.0, 0.0, state="opened"))
    bench.change(KEY, state="Deleting", intent="delete")
    bench.settle(made, KEY)
    assert (bench.store.get(KEY), bench.store.get(key), list((bench.folder / "notebooks").iterdir())) == (
        None,
        None,
        [],
    )
