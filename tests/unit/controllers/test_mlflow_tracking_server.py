"""The life of a tracking server: it comes up or does not, ends and is started anew, is stopped, changed and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import Transient
from sagewright.compute.fake import Plan
from sagewright.controllers import health
from sagewright.controllers.mlflow_tracking_server import HANGS_AFTER, START_TIMEOUT, MlflowServers
from sagewright.resources import mlflow_app
from sagewright.resources.mlflow_tracking_server import KIND, LOG_GROUP, SESSION
from sagewright.resources.record import Key, Record

from .conftest import ACCOUNT, REGION, Bench, Killed

LOG = f"{LOG_GROUP}t"
KEY = Key(ACCOUNT, REGION, KIND, "", "t")
ROLE = "arn:aws:iam::123456789012:role/R"
SERVES = Plan(after=None, on_stop=0, address=Path("/healthy"))
BREAKS = Plan(lines=["Traceback", "no such table"], exit_code=1)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """The addresses at which MLflow answers."""
    found = {Path("/healthy")}
    said = {"/health": b"OK", "/version": b"3.17.2"}
    monkeypatch.setattr(health, "ask", lambda path, target: said[target] if path in found else None)
    return found


@pytest.fixture
def servers(bench: Bench, answering: set[Path]) -> MlflowServers:
    bench.engine.plan("*", SERVES)
    return again(bench)


def again(bench: Bench) -> MlflowServers:
    """What the next server has."""
    return MlflowServers(bench.platform, bench.wake, bench.folder / "mlflow", KIND)


def create(bench: Bench, **members: Any) -> None:
    now = bench.clock.now()
    spec = {"RoleArn": ROLE, "ArtifactStoreUri": "s3://b/art/", "TrackingServerSize": "Small", "generation": 1}
    status = {"TrackingServerArn": "arn:t", "IsActive": "Inactive"}
    bench.store.create(Record(KEY, "u", now, now, spec={**spec, **members}, status=status, state="Creating"))


def record(bench: Bench) -> Record:
    found = bench.store.get(KEY)
    assert found is not None
    return found


def running(bench: Bench) -> Sequence[str]:
    return [task for task in bench.engine.list() if bench.engine.inspect(task).phase == "running"]


def service(bench: Bench, servers: MlflowServers, **members: Any) -> None:
    """A server that answers."""
    create(bench, **members)
    bench.settle(servers, KEY)
    assert (record(bench).state, record(bench).status["IsActive"]) == ("Created", "Active")


# It comes up, or does not.


def test_a_server_is_created_when_it_answers(bench: Bench, servers: MlflowServers, answering: set[Path]) -> None:
    answering.clear()
    create(bench, AutomaticModelRegistration=True, MlflowVersion="2.16.2", TrackingServerSize="Large")
    for _ in range(3):
        bench.look(servers, KEY)
    assert (record(bench).state, record(bench).status["IsActive"]) == ("Creating", "Inactive")
    answering.add(Path("/healthy"))
    bench.settle(servers, KEY)
    assert record(bench).state == "Created"
    assert record(bench).status["serving"] == {"task": "mlflow-u-1", "socket": "/healthy"}
    assert "MlflowVersion" not in record(bench).status, "what was asked for is described"
    (task,) = bench.engine.started
    assert task.environment["SAGEWRIGHT_ARTIFACT_STORE"] == "s3://b/art"
    assert task.environment["SAGEWRIGHT_REGISTER_MODELS"] == "1"
    assert task.environment["SAGEWRIGHT_WORKERS"] == "4"
    assert ROLE in task.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    (mount,) = task.mounts
    assert (mount.source, mount.writable) == (bench.folder / "mlflow" / "u", True)
    assert bench.files.roles == [(ROLE, REGION)]


def test_the_version_that_runs_is_told_where_none_was_asked_for(bench: Bench, servers: MlflowServers) -> None:
    service(bench, servers)
    assert record(bench).status["MlflowVersion"] == "3.17.2"


def test_a_store_that_the_role_cannot_list_fails_the_creation(bench: Bench, servers: MlflowServers) -> None:
    create(bench, ArtifactStoreUri="s3://elsewhere/a")
    bench.settle(servers, KEY)
    assert (record(bench).state, bench.engine.started) == ("CreateFailed", [])
    assert "cannot list the artifact store s3://elsewhere/a: NoSuchBucket" in bench.lines(LOG)[-1]
    assert "run" not in record(bench).status


def test_one_that_ends_by_itself_before_it_answers_fails(bench: Bench, servers: MlflowServers) -> None:
    bench.engine.plan("*", BREAKS)
    create(bench)
    bench.settle(servers, KEY)
    assert record(bench).state == "CreateFailed"
    assert "sagewright: MLflow did not come up. Its last lines: Traceback\nno such table" in bench.lines(LOG)
    assert bench.engine.list() == []


def test_one_that_never_answers_fails(bench: Bench, servers: MlflowServers, answering: set[Path]) -> None:
    answering.clear()
    create(bench)
    bench.look(servers, KEY)
    bench.look(servers, KEY)
    bench.engine.advance(START_TIMEOUT + 1)
    bench.settle(servers, KEY)
    assert (record(bench).state, running(bench)) == ("CreateFailed", [])


def test_one_that_others_ended_before_it_answered_is_started_again(
    bench: Bench, servers: MlflowServers, answering: set[Path]
) -> None:
    answering.clear()
    bench.engine.plan("mlflow-u-1", Plan(after=5, exit_code=137))
    create(bench)
    bench.look(servers, KEY)
    bench.look(servers, KEY)
    bench.engine.advance(6)
    answering.add(Path("/healthy"))
    bench.settle(servers, KEY)
    assert (record(bench).state, running(bench)) == ("Created", ["mlflow-u-2"])


@pytest.mark.parametrize("step", ["start", "destroy"])
def test_a_killed_server_leaves_nothing_behind_and_starts_nothing_twice(
    bench: Bench, servers: MlflowServers, step: str
) -> None:
    create(bench)
    bench.engine.die_at = step
    with pytest.raises(Killed):
        bench.settle(servers, KEY)
    assert list(servers.tasks(record(bench))) == ["mlflow-u-1"]
    bench.settle(again(bench), KEY)
    assert (record(bench).state, len(bench.engine.started)) == ("Created", 1)


# It runs.


def test_one_that_ends_is_started_anew_with_what_it_knew(bench: Bench, servers: MlflowServers) -> None:
    bench.engine.plan("mlflow-u-1", Plan(after=50, exit_code=1, address=Path("/healthy")))
    create(bench)
    bench.settle(servers, KEY, looks=2000)
    assert (record(bench).state, record(bench).status["IsActive"]) == ("Created", "Active")
    assert running(bench) == ["mlflow-u-2"]
    assert {task.mounts[0].source for task in bench.engine.started} == {bench.folder / "mlflow" / "u"}


def test_one_that_keeps_ending_is_started_later_and_later(bench: Bench, servers: MlflowServers) -> None:
    bench.engine.plan("*", Plan(after=2, exit_code=1, address=Path("/healthy")))
    create(bench)
    begun = bench.clock.now()
    for _ in range(400):
        bench.engine.advance(bench.look(servers, KEY) or 0.0)
    assert record(bench).state == "Created"
    assert 3 <= len(bench.engine.started) < (bench.clock.now() - begun) / 8


def test_one_that_hangs_is_ended_and_started_anew(bench: Bench, servers: MlflowServers, answering: set[Path]) -> None:
    service(bench, servers)
    answering.clear()
    until = bench.clock.now() + HANGS_AFTER + 30
    while bench.clock.now() < until and running(bench) == ["mlflow-u-1"]:
        bench.engine.advance(bench.look(servers, KEY) or 0.0)
    assert running(bench) == []
    answering.add(Path("/healthy"))
    bench.settle(servers, KEY)
    assert (record(bench).status["IsActive"], running(bench)) == ("Active", ["mlflow-u-2"])


def test_what_is_missing_for_one_that_served_is_waited_for(bench: Bench, servers: MlflowServers) -> None:
    service(bench, servers)
    bench.files.buckets.clear()
    bench.engine.destroy("mlflow-u-1")
    bench.change(KEY, status={**record(bench).status, "serving": {}})
    with pytest.raises(Transient, match="cannot list"):
        bench.look(servers, KEY)
    assert record(bench).state == "Created"


def test_the_next_server_takes_it_over(bench: Bench, servers: MlflowServers) -> None:
    service(bench, servers)
    bench.settle(again(bench), KEY)
    assert (len(bench.engine.started), running(bench)) == (1, ["mlflow-u-1"])


# It is stopped, started, changed, deleted.


def test_one_that_is_stopped_runs_no_more_and_starts_again(bench: Bench, servers: MlflowServers) -> None:
    service(bench, servers)
    bench.change(KEY, state="Stopping", intent="stop")
    bench.settle(servers, KEY)
    assert (record(bench).state, record(bench).status["IsActive"]) == ("Stopped", "Inactive")
    assert (bench.engine.list(), "serving" in record(bench).status, bench.folders) == ([], False, [])
    assert (bench.folder / "mlflow" / "u").is_dir()
    bench.change(KEY, state="Starting", intent="run", spec={**record(bench).spec, "generation": 2})
    bench.settle(servers, KEY)
    assert (record(bench).state, running(bench)) == ("Started", ["mlflow-u-2"])


def test_a_failed_start_is_tried_again_when_asked(bench: Bench, servers: MlflowServers) -> None:
    bench.engine.plan("*", BREAKS)
    create(bench)
    bench.look(servers, KEY)
    bench.look(servers, KEY)
    bench.look(servers, KEY)  # it failed; what is left of it is still there
    assert record(bench).state == "CreateFailed"
    bench.engine.plan("*", SERVES)
    bench.change(KEY, state="Starting", spec={**record(bench).spec, "generation": 2})
    bench.settle(servers, KEY)
    assert (record(bench).state, running(bench)) == ("Started", ["mlflow-u-2"])


def test_an_update_replaces_the_process_where_it_must(bench: Bench, servers: MlflowServers) -> None:
    service(bench, servers)
    bench.change(KEY, state="Updating")
    bench.settle(servers, KEY)
    assert (record(bench).state, running(bench)) == ("Updated", ["mlflow-u-1"])
    bench.change(KEY, state="Updating", spec={**record(bench).spec, "ArtifactStoreUri": "s3://b", "generation": 2})
    bench.look(servers, KEY)
    assert record(bench).status["IsActive"] == "Inactive"
    bench.settle(servers, KEY)
    assert (record(bench).state, running(bench)) == ("Updated", ["mlflow-u-2"])
    assert bench.engine.started[-1].environment["SAGEWRIGHT_ARTIFACT_STORE"] == "s3://b"


def test_a_deleted_one_leaves_nothing(bench: Bench, servers: MlflowServers) -> None:
    service(bench, servers)
    key = Key(ACCOUNT, REGION, SESSION, "u", "s")
    bench.store.create(Record(key, "v", 0.0, 0.0, state="opened"))
    bench.change(KEY, state="Deleting", intent="delete")
    bench.settle(servers, KEY)
    assert (bench.store.get(KEY), bench.store.get(key), bench.engine.list()) == (None, None, [])
    assert list((bench.folder / "mlflow").iterdir()) == []
    assert bench.folders == []


def test_apps_live_alike(bench: Bench, servers: MlflowServers) -> None:
    key = Key(ACCOUNT, REGION, mlflow_app.KIND, "", "app-1")
    spec = {
        "RoleArn": ROLE,
        "ArtifactStoreUri": "s3://b",
        "ModelRegistrationMode": "AutoModelRegistrationEnabled",
        "generation": 1,
    }
    bench.store.create(Record(key, "v", 0.0, 0.0, spec=spec, status={"Arn": "arn:a"}, state="Creating"))
    apps = MlflowServers(bench.platform, bench.wake, bench.folder / "mlflow", mlflow_app.KIND)
    bench.settle(apps, key)
    found = bench.store.get(key)
    assert found is not None
    assert (found.state, found.status["MlflowVersion"]) == ("Created", "3.17.2")
    assert bench.engine.started[0].environment["SAGEWRIGHT_REGISTER_MODELS"] == "1"
    assert bench.engine.started[0].environment["SAGEWRIGHT_TRACKING_ARN"] == "arn:a"
