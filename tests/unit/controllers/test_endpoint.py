"""The life of an endpoint: creation, updates that come up and that do not, deaths, deletion, and killed servers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import Transient
from sagewright.compute.fake import Plan
from sagewright.controllers import fleet
from sagewright.controllers.endpoint import Endpoints
from sagewright.controllers.fleet import HEALTH_TIMEOUT, STOP_GRACE
from sagewright.controllers.health import PING_EVERY, UNHEALTHY_AFTER
from sagewright.controllers.room import Room
from sagewright.resources import routing
from sagewright.resources.endpoint import KIND, LOG_GROUP
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query

from .conftest import ACCOUNT, IMAGE, REGION, Bench, Killed, packed

LOG = f"{LOG_GROUP}e"
KEY = Key(ACCOUNT, REGION, KIND, "", "e")
SERVES = Plan(after=None, on_stop=0, address=Path("/healthy"))
BREAKS = Plan(lines=["Traceback", "no such model"], exit_code=1)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """The addresses that answer /ping."""
    found = {Path("/healthy")}
    monkeypatch.setattr(fleet, "answers_ping", lambda address: address in found)
    return found


@pytest.fixture
def endpoints(bench: Bench, answering: set[Path]) -> Endpoints:
    bench.files.held["b", "model.tar.gz"] = packed({"weights": b"w"})
    bench.engine.plan("*", SERVES)
    return Endpoints(bench.platform, bench.wake, bench.room(2))


def spec(generation: int, count: int, **container: Any) -> dict[str, Any]:
    """What CreateEndpoint and UpdateEndpoint write down."""
    model = {
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/R",
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz", **container},
    }
    variant = {
        "VariantName": "v",
        "ModelName": "m",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": count,
        "ContainerStartupHealthCheckTimeoutInSeconds": 100,
    }
    return {
        "EndpointConfigName": f"config-{generation}",
        "generation": generation,
        "config": {"ProductionVariants": [variant]},
        "models": {"m": model},
    }


def create(bench: Bench, count: int = 1, **container: Any) -> None:
    now = bench.clock.now()
    bench.store.create(
        Record(
            KEY,
            "u",
            now,
            now,
            spec=spec(1, count, **container),
            status={"EndpointArn": "arn:e"},
            state="Creating",
        )
    )


def update(bench: Bench, generation: int, count: int = 1, **container: Any) -> None:
    bench.change(KEY, spec=spec(generation, count, **container), state="Updating")


def record(bench: Bench) -> Record:
    found = bench.store.get(KEY)
    assert found is not None
    return found


def serving(bench: Bench) -> Sequence[str]:
    """The tasks that requests are sent to."""
    return [member["task"] for member in routing.all_members(record(bench).status.get("serving", ()))]


def running(bench: Bench) -> Sequence[str]:
    return [task for task in bench.engine.list() if bench.engine.inspect(task).phase == "running"]


def service(bench: Bench, endpoints: Endpoints, count: int = 1) -> None:
    """An endpoint that serves."""
    create(bench, count)
    bench.settle(endpoints, KEY)
    assert (record(bench).state, len(serving(bench))) == ("InService", count)


# Creation.


def test_an_endpoint_serves_when_all_its_instances_answer(
    bench: Bench, endpoints: Endpoints, answering: set[Path]
) -> None:
    answering.clear()
    create(bench, 2)
    for _ in range(3):
        bench.look(endpoints, KEY)
    assert record(bench).state == "Creating"
    assert len(bench.engine.started) == 2
    answering.add(Path("/healthy"))
    bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"
    assert serving(bench) == running(bench) == ["serve-u-1-0-0-1", "serve-u-1-0-1-2"]
    (variant,) = record(bench).status["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (2, 2)
    (model,) = {task.folder for task in bench.engine.started[:1]}
    assert model is not None
    assert (model / "model" / "weights").read_bytes() == b"w"


def test_every_task_is_written_down_before_it_is_started(bench: Bench, endpoints: Endpoints) -> None:
    create(bench, 2)
    bench.engine.die_at = "start"
    with pytest.raises(Killed):
        bench.look(endpoints, KEY)
    assert list(endpoints.tasks(record(bench))) == ["serve-u-1-0-0-1", "serve-u-1-0-1-2"]
    bench.settle(Endpoints(bench.platform, bench.wake, bench.room(2)), KEY)
    assert running(bench) == ["serve-u-1-0-0-1", "serve-u-1-0-1-2"]


def test_nothing_is_started_twice_by_the_next_server(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints, 2)
    again = Endpoints(bench.platform, bench.wake, bench.room(2))
    bench.settle(again, KEY)
    assert len(bench.engine.started) == 2
    assert sorted(bench.engine.watched) == sorted([*running(bench), *running(bench)]), "each server asks once"


def test_in_strict_capacity_an_endpoint_takes_room_or_fails(bench: Bench, endpoints: Endpoints) -> None:
    room = Room([bench.platform.machine], bench.wake, strict=True)
    endpoints = Endpoints(bench.platform, bench.wake, room)
    create(bench, 2)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "Failed"
    assert "InsufficientInstanceCapacity" in record(bench).status["FailureReason"]
    assert bench.engine.started == []
    job = Record(KEY._replace(kind="training-job"), "job", 0, 0)
    assert room.enter(job, ["ml.m5.large"]), "what failed takes no room"


def test_a_model_that_does_not_load_fails_the_endpoint_with_its_last_lines(bench: Bench, endpoints: Endpoints) -> None:
    bench.engine.plan("*", BREAKS)
    create(bench, 2)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "Failed"
    reason = record(bench).status["FailureReason"]
    assert "did not pass the ping health check" in reason
    assert reason.endswith("Traceback\nno such model")
    assert bench.lines(LOG)[:2] == ["Traceback", "no such model"]
    assert bench.folders == []
    assert list(bench.engine.list()) == []


def test_a_failure_is_written_down_before_its_tasks_are_forgotten(bench: Bench, endpoints: Endpoints) -> None:
    bench.engine.plan("*", BREAKS)
    create(bench)
    bench.look(endpoints, KEY)
    bench.look(endpoints, KEY)
    assert record(bench).state == "Failed"
    assert list(bench.engine.list()) == ["serve-u-1-0-0-1"]
    bench.platform.sweep(set())  # what the next server does: a failed endpoint is settled
    assert list(bench.engine.list()) == []
    assert len(bench.engine.started) == 1


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"Image": "mine:latest"}, "No runtime answers to image 'mine:latest'"),
        ({"ModelDataUrl": "s3://b/gone.tar.gz"}, "Could not find the object s3://b/gone.tar.gz"),
        ({"ModelDataUrl": "s3://b/text"}, "The model artifact s3://b/text could not be unpacked"),
        (
            {"Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://b/gone.tar.gz"}},
            "Could not find the object s3://b/gone.tar.gz",
        ),
        (
            {
                "ModelDataSource": {
                    "S3DataSource": {"S3Uri": "s3://b/no/", "S3DataType": "S3Prefix", "CompressionType": "None"}
                }
            },
            "There are no model files under s3://b/no/",
        ),
    ],
)
def test_what_cannot_start_fails_in_words(
    bench: Bench, endpoints: Endpoints, container: dict[str, Any], words: str
) -> None:
    bench.files.held["b", "text"] = b"no tarball"
    create(bench, **container)
    bench.settle(endpoints, KEY)
    assert (record(bench).state, bench.engine.started) == ("Failed", [])
    assert words in record(bench).status["FailureReason"]
    assert bench.folders == []


def test_a_container_that_never_answers_is_given_up(bench: Bench, endpoints: Endpoints, answering: set[Path]) -> None:
    answering.clear()
    create(bench)
    bench.look(endpoints, KEY)
    bench.engine.advance(99)
    assert bench.look(endpoints, KEY) == pytest.approx(0.05)
    bench.engine.advance(2)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "Failed"
    assert running(bench) == []
    assert HEALTH_TIMEOUT > 100, "the configuration's own limit was heeded"


@pytest.mark.parametrize("end", ["stopped", "killed", "lost"])
def test_an_instance_that_others_ended_before_it_served_is_started_again(
    bench: Bench, endpoints: Endpoints, answering: set[Path], end: str
) -> None:
    answering.clear()
    create(bench)
    bench.look(endpoints, KEY)
    (task,) = running(bench)
    if end == "lost":
        bench.engine.lose(task)
    else:
        bench.engine.end(task, 0 if end == "stopped" else 137)
    answering.add(Path("/healthy"))
    bench.settle(Endpoints(bench.platform, bench.wake, bench.room(2)), KEY)
    assert (record(bench).state, running(bench)) == ("InService", ["serve-u-1-0-0-2"])


def test_a_container_that_always_ends_well_is_not_started_for_ever(bench: Bench, endpoints: Endpoints) -> None:
    bench.engine.plan("*", Plan(exit_code=0))
    create(bench)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "Failed"
    assert len(bench.engine.started) == 4


def test_a_container_that_wants_too_much_memory_fails(bench: Bench, endpoints: Endpoints) -> None:
    bench.engine.plan("*", Plan(exit_code=137, out_of_memory=True))
    create(bench)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "Failed"
    assert len(bench.engine.started) == 1


def test_notes_are_said_once_per_instance(bench: Bench, endpoints: Endpoints) -> None:
    create(bench)
    change = record(bench).spec
    change["config"]["ProductionVariants"][0]["InstanceType"] = "ml.m5.24xlarge"
    bench.change(KEY, spec=change)
    bench.engine.die_at = "start"
    with pytest.raises(Killed):
        bench.look(endpoints, KEY)
    bench.settle(endpoints, KEY)
    (line,) = bench.lines(LOG)
    assert line.startswith("sagewright: ml.m5.24xlarge has 96 vCPUs")


# Updates.


def test_an_update_comes_up_beside_the_old_and_takes_over(
    bench: Bench, endpoints: Endpoints, answering: set[Path]
) -> None:
    service(bench, endpoints)
    answering.clear()
    update(bench, 2, 2)
    for _ in range(3):
        bench.look(endpoints, KEY)
    assert serving(bench) == ["serve-u-1-0-0-1"]
    assert record(bench).status["EndpointConfigName"] == "config-1"
    answering.add(Path("/healthy"))
    bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"
    assert record(bench).status["EndpointConfigName"] == "config-2"
    assert serving(bench) == running(bench) == ["serve-u-2-0-0-2", "serve-u-2-0-1-3"]
    assert bench.engine.stops == [("serve-u-1-0-0-1", STOP_GRACE)]
    assert list(bench.engine.list()) == running(bench)
    assert bench.folders == running(bench)


def test_an_update_that_does_not_come_up_leaves_the_old_in_service(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    bench.engine.plan("serve-u-2-*", BREAKS)
    update(bench, 2, 2)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"
    assert record(bench).status["EndpointConfigName"] == "config-1"
    assert "no such model" in record(bench).status["FailureReason"]
    assert serving(bench) == running(bench) == list(bench.engine.list()) == ["serve-u-1-0-0-1"]
    assert list(endpoints.tasks(record(bench))) == ["serve-u-1-0-0-1"]
    update(bench, 3)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"
    assert "FailureReason" not in record(bench).status
    assert len(running(bench)) == 1


def test_an_old_instance_that_dies_during_the_roll_back_is_replaced(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    bench.engine.plan("serve-u-2-*", BREAKS)
    update(bench, 2)
    while record(bench).state != "RollingBack":
        bench.look(endpoints, KEY)
    bench.engine.end("serve-u-1-0-0-1", 1)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"
    assert len(running(bench)) == 1
    assert record(bench).status["EndpointConfigName"] == "config-1"


def test_a_new_try_after_a_roll_back_is_tried(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    bench.engine.plan("serve-u-1-0-1-*", BREAKS)
    update(bench, 1, 2)  # more capacity: the same generation
    bench.settle(endpoints, KEY)
    assert (record(bench).state, len(running(bench))) == ("InService", 1)
    assert "FailureReason" in record(bench).status
    bench.engine.plan("*", SERVES)
    update(bench, 1, 2)
    bench.settle(endpoints, KEY)
    assert (record(bench).state, len(running(bench))) == ("InService", 2)
    assert "FailureReason" not in record(bench).status


def test_a_failed_endpoint_can_be_updated(bench: Bench, endpoints: Endpoints) -> None:
    bench.engine.plan("serve-u-1-*", BREAKS)
    create(bench)
    bench.settle(endpoints, KEY)
    update(bench, 2)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"
    assert list(endpoints.tasks(record(bench))) == running(bench)
    bench.engine.plan("serve-u-3-*", BREAKS)


def test_an_update_of_a_failed_endpoint_that_fails_too(bench: Bench, endpoints: Endpoints) -> None:
    bench.engine.plan("*", BREAKS)
    create(bench)
    bench.settle(endpoints, KEY)
    update(bench, 2)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "Failed"
    assert bench.folders == []


def test_capacities_come_and_go_and_no_task_runs_twice(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    for count in (2, 1, 3, 1, 2):
        update(bench, 1, count)
        bench.settle(endpoints, KEY)
        assert len(serving(bench)) == len(running(bench)) == count
    ids = [task.id for task in bench.engine.started]
    assert len(ids) == len(set(ids)) == 5
    assert running(bench)[0] == "serve-u-1-0-0-1", "what serves is left alone"


def test_an_instance_that_was_told_to_end_is_not_taken_back(bench: Bench, endpoints: Endpoints) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=None, address=Path("/healthy")))
    service(bench, endpoints, 2)
    update(bench, 1, 1)
    bench.look(endpoints, KEY)
    assert len(running(bench)) == 2, "the second one takes its grace"
    update(bench, 1, 2)
    bench.look(endpoints, KEY)
    bench.engine.advance(STOP_GRACE)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"
    assert serving(bench) == running(bench) == ["serve-u-1-0-0-1", "serve-u-1-0-1-3"]


def test_a_switch_that_was_cut_short_is_finished(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    update(bench, 2)
    bench.engine.die_at = "stop"
    with pytest.raises(Killed):
        bench.settle(endpoints, KEY)
    bench.settle(Endpoints(bench.platform, bench.wake, bench.room(2)), KEY)
    assert serving(bench) == running(bench) == list(bench.engine.list()) == ["serve-u-2-0-0-2"]


# Deaths.


def test_an_instance_that_dies_is_replaced_later_each_time_it_happens_soon(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    bench.engine.advance(100)
    delays = []
    for _ in range(9):
        bench.engine.end(running(bench)[0], 1)
        begun = bench.clock.now()
        while not running(bench):
            bench.engine.advance(bench.look(endpoints, KEY) or 0.0)
        delays.append(round(bench.clock.now() - begun))
        bench.look(endpoints, KEY)
    assert delays == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    bench.settle(endpoints, KEY)
    ids = [task.id for task in bench.engine.started]
    assert len(ids) == len(set(ids))


def test_the_last_lines_of_the_dead_are_kept(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    bench.engine.say(running(bench)[0], "I die")
    bench.engine.end(running(bench)[0], 139)
    bench.settle(endpoints, KEY)
    assert bench.lines(LOG) == ["I die"]
    assert bench.folders == running(bench) == ["serve-u-1-0-0-2"]


def test_the_dead_are_replaced_in_the_record_before_they_are_forgotten(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    bench.engine.say("serve-u-1-0-0-1", "once")
    bench.engine.end("serve-u-1-0-0-1", 1)
    bench.engine.die_at = "destroy"
    with pytest.raises(Killed):
        bench.look(endpoints, KEY)
    again = Endpoints(bench.platform, bench.wake, bench.room(2))
    bench.platform.sweep(set(again.tasks(record(bench))))
    bench.settle(again, KEY)
    ids = [task.id for task in bench.engine.started]
    assert len(ids) == len(set(ids))
    assert serving(bench) == running(bench) == list(bench.engine.list())
    assert bench.lines(LOG) == ["once"]


def test_a_replacement_that_cannot_start_does_not_end_the_service(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints, 2)
    model = bench.files.held.pop(("b", "model.tar.gz"))
    bench.engine.end("serve-u-1-0-0-1", 1)
    bench.engine.advance(60)
    with pytest.raises(Transient, match="Could not find the object"):
        bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"
    assert serving(bench) == ["serve-u-1-0-1-2"]
    bench.files.held["b", "model.tar.gz"] = model
    bench.settle(endpoints, KEY)
    assert len(serving(bench)) == 2


def test_a_replacement_that_never_answers_is_replaced_too(
    bench: Bench, endpoints: Endpoints, answering: set[Path]
) -> None:
    service(bench, endpoints)
    answering.clear()
    bench.engine.end("serve-u-1-0-0-1", 1)
    bench.engine.advance(60)
    while not running(bench):
        bench.engine.advance(bench.look(endpoints, KEY) or 0.0)
    (second,) = running(bench)
    bench.engine.advance(101)
    bench.look(endpoints, KEY)
    answering.add(Path("/healthy"))
    bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"
    assert second not in running(bench)
    assert serving(bench) == running(bench)


def test_one_that_serves_and_stops_answering_is_replaced_when_its_time_is_over(
    bench: Bench, endpoints: Endpoints, answering: set[Path]
) -> None:
    service(bench, endpoints)
    bench.look(endpoints, KEY)
    answering.clear()
    for _ in range(5):
        bench.engine.advance(PING_EVERY)
        bench.look(endpoints, KEY)
    assert serving(bench) == ["serve-u-1-0-0-1"]
    answering.add(Path("/healthy"))
    bench.engine.advance(PING_EVERY)
    bench.look(endpoints, KEY)
    answering.clear()
    bench.engine.advance(UNHEALTHY_AFTER - 1)
    bench.look(endpoints, KEY)
    assert serving(bench) == ["serve-u-1-0-0-1"], "an answer counts from when it was given"
    bench.engine.advance(PING_EVERY)
    bench.look(endpoints, KEY)
    assert serving(bench) == []
    answering.add(Path("/healthy"))
    bench.settle(endpoints, KEY)
    assert serving(bench) == running(bench) == ["serve-u-1-0-0-2"]


# Deletion.


@pytest.mark.parametrize("moment", ["planned", "starting", "serving", "updating", "failed"])
def test_a_deleted_endpoint_leaves_nothing(
    bench: Bench, endpoints: Endpoints, answering: set[Path], moment: str
) -> None:
    if moment == "failed":
        bench.engine.plan("*", BREAKS)
    if moment == "starting":
        answering.clear()
    create(bench, 2)
    if moment == "starting":
        bench.look(endpoints, KEY)
    elif moment != "planned":
        bench.settle(endpoints, KEY)
    if moment == "updating":
        update(bench, 2)
        bench.look(endpoints, KEY)
    bench.change(KEY, intent="delete", state="Deleting")
    for _ in range(4):
        bench.look(endpoints, KEY)
    assert bench.store.get(KEY) is None
    assert list(bench.engine.list()) == []
    assert bench.folders == []


def test_a_deletion_waits_for_the_grace_and_keeps_the_log(bench: Bench, endpoints: Endpoints) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=None, address=Path("/healthy")))
    service(bench, endpoints)
    bench.change(KEY, intent="delete", state="Deleting")
    assert bench.look(endpoints, KEY) == pytest.approx(0.05)
    bench.engine.say("serve-u-1-0-0-1", "going")
    bench.engine.advance(STOP_GRACE)
    bench.look(endpoints, KEY)
    assert bench.store.get(KEY) is None
    assert bench.lines(LOG) == ["going"]


@pytest.mark.parametrize("step", ["stop", "destroy"])
def test_a_deletion_that_was_cut_short_is_finished(bench: Bench, endpoints: Endpoints, step: str) -> None:
    service(bench, endpoints, 2)
    bench.change(KEY, intent="delete", state="Deleting")
    bench.engine.die_at = step
    with pytest.raises(Killed):
        bench.settle(endpoints, KEY)
    again = Endpoints(bench.platform, bench.wake, bench.room(2))
    while bench.store.get(KEY) is not None:
        bench.look(again, KEY)
    assert list(bench.engine.list()) == []
    assert len(bench.engine.started) == 2


def test_a_late_failure_does_not_undo_a_deletion(bench: Bench, endpoints: Endpoints) -> None:
    create(bench)
    bench.change(KEY, intent="delete", state="Deleting")
    endpoints.fail(record(bench), "too late")
    assert record(bench).state == "Deleting"


def test_an_endpoint_in_service_cannot_be_failed(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    endpoints.fail(record(bench), "an internal error")
    assert record(bench).state == "InService"


# Lineage.


def lineage(bench: Bench) -> dict[str, list[str]]:
    """What is told of deployments, by kind: the sources of entities, the types of associations."""
    found: dict[str, list[str]] = {}
    for kind in ("context", "action", "artifact", "association"):
        records = bench.store.list(Query(ACCOUNT, REGION, kind), limit=100).records
        found[kind] = sorted(
            each.spec["AssociationType"] if kind == "association" else each.spec["Source"]["SourceUri"]
            for each in records
        )
    return found


def test_each_deployment_is_told_once(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    parts = [IMAGE, "s3://b/model.tar.gz"]
    assert lineage(bench) == {
        "context": ["arn:e"],
        "action": ["arn:e"],
        "artifact": parts,
        "association": ["AssociatedWith", "ContributedTo", "ContributedTo"],
    }
    bench.files.held["b", "other.tar.gz"] = packed({"weights": b"x"})
    update(bench, 2, ModelDataUrl="s3://b/other.tar.gz")
    bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"
    told = lineage(bench)
    assert (len(told["context"]), len(told["action"]), len(told["association"])) == (1, 2, 6)
    assert told["artifact"] == sorted([*parts, "s3://b/other.tar.gz"])
