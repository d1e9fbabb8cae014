"""The life of an inference component: copies that find room and that do not, updates, deaths, killed servers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import StaleRecord
from sagewright.compute.fake import Plan
from sagewright.controllers import fleet, hosting
from sagewright.controllers.endpoint import Endpoints
from sagewright.controllers.fleet import STOP_GRACE
from sagewright.controllers.inference_component import InferenceComponents
from sagewright.resources import alarm, endpoint, routing
from sagewright.resources.inference_component import KIND, LOG_GROUP, resized, updated
from sagewright.resources.record import Key, Record

from .conftest import ACCOUNT, IMAGE, REGION, Bench, Killed, packed

KEY = Key(ACCOUNT, REGION, KIND, "", "c")
OTHER = KEY._replace(name="d")
HOST = Key(ACCOUNT, REGION, endpoint.KIND, "", "e")
SERVES = Plan(after=None, on_stop=0, address=Path("/healthy"))
BREAKS = Plan(lines=["Traceback", "no such model"], exit_code=1)
ROLE = "arn:aws:iam::123456789012:role/R"


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """The addresses that answer /ping."""
    found = {Path("/healthy")}
    monkeypatch.setattr(fleet, "answers_ping", lambda address: address in found)
    return found


@pytest.fixture
def components(bench: Bench, answering: set[Path]) -> InferenceComponents:
    bench.files.held["b", "model.tar.gz"] = packed({"weights": b"w"})
    bench.engine.plan("*", SERVES)
    return InferenceComponents(bench.platform, bench.wake)


@pytest.fixture
def endpoints(bench: Bench, components: InferenceComponents) -> Endpoints:
    return Endpoints(bench.platform, bench.wake, bench.room(2))


def host(bench: Bench, endpoints: Endpoints, count: int = 1, **scaling: Any) -> None:
    """An endpoint in service, with instances of 2 vCPUs and 8 GiB."""
    managed = {"ManagedInstanceScaling": {"Status": "ENABLED", **scaling}} if scaling else {}
    variant = {"VariantName": "v", "InstanceType": "ml.m5.large", "InitialInstanceCount": count, **managed}
    config = {"ProductionVariants": [variant], "ExecutionRoleArn": ROLE}
    spec = {"EndpointConfigName": "k", "generation": 1, "config": config, "models": {}}
    now = bench.clock.now()
    bench.store.create(Record(HOST, "h", now, now, spec=spec, status={"EndpointArn": "arn:e"}, state="Creating"))
    bench.look(endpoints, HOST)
    assert of(bench, HOST).state == "InService"


def model(name: str = "model.tar.gz") -> dict[str, Any]:
    return {"ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": f"s3://b/{name}"}}


def specification(cores: float = 1, **more: Any) -> dict[str, Any]:
    needs = {"NumberOfCpuCoresRequired": cores, "MinMemoryRequiredInMb": 1024, "MaxMemoryRequiredInMb": 2048}
    return {"ModelName": "m", "ComputeResourceRequirements": needs, **more}


def create(bench: Bench, key: Key = KEY, copies: int = 1, cores: float = 1) -> None:
    now = bench.clock.now()
    spec = {
        "EndpointName": "e",
        "VariantName": "v",
        "Specification": specification(cores),
        "RuntimeConfig": {"CopyCount": copies},
        "model": model(),
        "generation": 1,
        "update": 1,
    }
    arn = {"InferenceComponentArn": f"arn:{key.name}"}
    facets = {"EndpointName": "e"}
    bench.store.create(Record(key, f"u-{key.name}", now, now, spec=spec, status=arn, state="Creating", facets=facets))


def of(bench: Bench, key: Key) -> Record:
    found = bench.store.get(key)
    assert found is not None
    return found


def scale(bench: Bench, copies: int, key: Key = KEY) -> None:
    bench.store.update(resized(of(bench, key), copies))


def update(bench: Bench, cores: float = 1, **more: Any) -> None:
    """A new specification."""
    generation = of(bench, KEY).spec["generation"] + 1
    wanted = {"Specification": specification(cores), "model": model(), "generation": generation, **more}
    bench.store.update(updated(of(bench, KEY), wanted))


def serving(bench: Bench, key: Key = KEY) -> Sequence[str]:
    return [member["task"] for member in routing.all_members(of(bench, key).status.get("serving", ()))]


def running(bench: Bench) -> Sequence[str]:
    return [task for task in bench.engine.list() if bench.engine.inspect(task).phase == "running"]


def placed(bench: Bench, key: Key = KEY) -> list[int]:
    return [number for each in hosting.placements(of(bench, key)) for number in each.hosts]


def service(bench: Bench, endpoints: Endpoints, components: InferenceComponents, copies: int = 1) -> None:
    """A component that serves, on two instances."""
    host(bench, endpoints, 2)
    create(bench, copies=copies)
    bench.settle(components, KEY)
    assert (of(bench, KEY).state, len(serving(bench))) == ("InService", copies)


# Creation.


def test_a_component_serves_when_its_copies_answer(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents, answering: set[Path]
) -> None:
    host(bench, endpoints, 2)
    answering.clear()
    create(bench, copies=2)
    for _ in range(3):
        bench.look(components, KEY)
    assert (of(bench, KEY).state, serving(bench)) == ("Creating", [])
    answering.add(Path("/healthy"))
    bench.settle(components, KEY)
    record = of(bench, KEY)
    assert record.state == "InService"
    assert record.status["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert serving(bench) == running(bench) == ["serve-u-c-1-0-0-1", "serve-u-c-1-0-1-2"]
    assert placed(bench) == [0, 1]


def test_a_copy_may_use_the_memory_that_it_was_given(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents
) -> None:
    service(bench, endpoints, components)
    (task,) = bench.engine.started
    assert (task.resources.memory_bytes, task.resources.gpus) == (2048 << 20, 0)


def test_every_task_is_written_down_before_it_is_started(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents
) -> None:
    host(bench, endpoints)
    create(bench)
    bench.engine.die_at = "start"
    with pytest.raises(Killed):
        bench.look(components, KEY)
    assert list(components.tasks(of(bench, KEY))) == ["serve-u-c-1-0-0-1"]
    bench.settle(InferenceComponents(bench.platform, bench.wake), KEY)
    assert running(bench) == ["serve-u-c-1-0-0-1"]


def test_a_model_that_does_not_load_fails_the_component_and_frees_its_room(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents
) -> None:
    host(bench, endpoints)
    bench.engine.plan("*", BREAKS)
    create(bench)
    bench.settle(components, KEY)
    record = of(bench, KEY)
    assert record.state == "Failed"
    assert "no such model" in record.status["FailureReason"]
    assert (bench.engine.list(), placed(bench)) == ([], [])
    assert "no such model" in bench.lines(LOG_GROUP + "c")


# Room.


def test_components_share_what_an_instance_has(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents
) -> None:
    host(bench, endpoints)
    create(bench, KEY)
    create(bench, OTHER, copies=2)
    bench.settle(components, KEY)
    bench.settle(components, OTHER)
    waiting = of(bench, OTHER)
    assert (of(bench, KEY).state, waiting.state) == ("InService", "Creating")
    assert len(serving(bench, OTHER)) == 1
    assert "There is not enough hardware resources" in waiting.status["FailureReason"]
    bench.change(KEY, intent="delete", state="Deleting")
    bench.settle(components, KEY)
    bench.settle(components, OTHER)
    assert (of(bench, OTHER).state, placed(bench, OTHER)) == ("InService", [0, 0])
    assert "FailureReason" not in of(bench, OTHER).status


def test_what_no_instance_could_hold_fails(bench: Bench, endpoints: Endpoints, components: InferenceComponents) -> None:
    host(bench, endpoints)
    create(bench, cores=3)
    bench.settle(components, KEY)
    assert of(bench, KEY).state == "Failed"
    assert "an ml.m5.large has 2 CPU cores" in of(bench, KEY).status["FailureReason"]


def test_room_is_not_taken_when_the_endpoint_has_changed_meanwhile(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents
) -> None:
    host(bench, endpoints)
    create(bench)
    seen = of(bench, HOST)
    real = bench.store.get
    bench.store.get = lambda key: seen if key == HOST else real(key)  # type: ignore[method-assign]
    bench.store.update(seen)
    with pytest.raises(StaleRecord):
        bench.look(components, KEY)
    assert not bench.engine.started


def test_managed_instances_grow_for_what_waits_and_go_when_it_is_gone(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents
) -> None:
    host(bench, endpoints, MinInstanceCount=0, MaxInstanceCount=3)
    create(bench, copies=4)
    bench.look(components, KEY)
    assert len(placed(bench)) == 2
    bench.look(endpoints, HOST)
    assert hosting.numbers(of(bench, HOST), "v") == [0, 1]
    bench.settle(components, KEY)
    assert (of(bench, KEY).state, len(placed(bench))) == ("InService", 4)
    scale(bench, 0)
    bench.settle(components, KEY)
    bench.settle(endpoints, HOST)
    assert hosting.numbers(of(bench, HOST), "v") == []
    (told,) = of(bench, HOST).status["ProductionVariants"]
    assert (told["CurrentInstanceCount"], told["DesiredInstanceCount"]) == (0, 0)


def test_copies_move_when_their_instance_goes_without_being_started_anew(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents
) -> None:
    service(bench, endpoints, components, copies=2)
    before = serving(bench)
    bench.store.update(endpoint.resized(of(bench, HOST), {"v": {"DesiredInstanceCount": 1}}))
    bench.settle(endpoints, HOST)
    bench.settle(components, KEY)
    assert (placed(bench), serving(bench)) == ([0, 0], before)


# Scaling.


def test_copies_come_and_go(bench: Bench, endpoints: Endpoints, components: InferenceComponents) -> None:
    service(bench, endpoints, components)
    first = serving(bench)
    scale(bench, 2)
    bench.settle(components, KEY)
    assert (of(bench, KEY).state, len(serving(bench))) == ("InService", 2)
    assert set(first) < set(serving(bench))
    scale(bench, 0)
    bench.settle(components, KEY)
    record = of(bench, KEY)
    assert (record.state, record.status["serving"], record.status["instances"]) == ("InService", [], [])
    assert record.status["RuntimeConfig"] == {"DesiredCopyCount": 0, "CurrentCopyCount": 0}
    assert running(bench) == []
    scale(bench, 1)
    bench.settle(components, KEY)
    assert (of(bench, KEY).state, len(serving(bench))) == ("InService", 1)


def test_a_dead_copy_is_replaced_and_requests_wait_for_it(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents
) -> None:
    service(bench, endpoints, components)
    (first,) = serving(bench)
    bench.engine.lose(first)
    bench.look(components, KEY)
    assert (serving(bench), len(of(bench, KEY).status["serving"])) == ([], 1)
    bench.settle(components, KEY)
    assert of(bench, KEY).state == "InService"
    assert serving(bench) == running(bench) != [first]


# Updates.


def test_new_copies_take_over_in_batches(bench: Bench, endpoints: Endpoints, components: InferenceComponents) -> None:
    service(bench, endpoints, components, copies=2)
    policy = {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 30}
    update(bench, DeploymentConfig={"RollingUpdatePolicy": policy})
    bench.look(components, KEY)
    bench.look(components, KEY)
    bench.look(components, KEY)
    table = of(bench, KEY).status["serving"]
    assert [(entry["generation"], entry["share"]) for entry in table] == [(1, 0.5), (2, 0.5)]
    assert of(bench, KEY).state == "Updating"
    bench.settle(components, KEY)
    record = of(bench, KEY)
    assert (record.state, record.status["current"]["generation"]) == ("InService", 2)
    assert [(entry["generation"], entry["share"]) for entry in record.status["serving"]] == [(2, 1.0)]
    assert len(serving(bench)) == len(running(bench)) == 2
    assert "rollout" not in record.status


def test_a_specification_that_does_not_come_up_is_rolled_back(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents
) -> None:
    service(bench, endpoints, components)
    first = serving(bench)
    bench.engine.plan("*", BREAKS)
    update(bench)
    bench.settle(components, KEY)
    record = of(bench, KEY)
    assert (record.state, serving(bench)) == ("InService", first)
    assert "no such model" in record.status["FailureReason"]
    bench.engine.plan("*", SERVES)
    scale(bench, 2)
    bench.settle(components, KEY)
    record = of(bench, KEY)
    assert (record.state, record.status["current"]["generation"], len(serving(bench))) == ("InService", 1, 2)
    assert "FailureReason" not in record.status


def test_an_alarm_rolls_an_update_back(bench: Bench, endpoints: Endpoints, components: InferenceComponents) -> None:
    service(bench, endpoints, components, copies=2)
    alarms = {"Alarms": [{"AlarmName": "errors"}]}
    policy = {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 60}
    update(bench, DeploymentConfig={"RollingUpdatePolicy": policy, "AutoRollbackConfiguration": alarms})
    for _ in range(3):
        bench.look(components, KEY)
    assert {entry["generation"] for entry in of(bench, KEY).status["serving"]} == {1, 2}
    bench.store.create(Record(KEY._replace(kind=alarm.METRIC, name="errors"), "a", 0, 0, state=alarm.ALARM))
    bench.settle(components, KEY)
    record = of(bench, KEY)
    assert (record.state, [entry["generation"] for entry in record.status["serving"]]) == ("InService", [1])
    assert "in ALARM: errors" in record.status["FailureReason"]
    assert len(running(bench)) == 2


def test_the_way_back_goes_in_batches_too(bench: Bench, endpoints: Endpoints, components: InferenceComponents) -> None:
    service(bench, endpoints, components, copies=2)
    one = {"Type": "COPY_COUNT", "Value": 1}
    policy = {"MaximumBatchSize": one, "WaitIntervalInSeconds": 60, "RollbackMaximumBatchSize": one}
    bench.store.update(endpoint.resized(of(bench, HOST), {"v": {"DesiredInstanceCount": 4}}))
    bench.settle(endpoints, HOST)
    alarms = {"Alarms": [{"AlarmName": "errors"}]}
    update(bench, DeploymentConfig={"RollingUpdatePolicy": policy, "AutoRollbackConfiguration": alarms})
    for _ in range(3):
        bench.look(components, KEY)
    bench.clock.advance(61)  # the second batch: one old copy is left
    for _ in range(3):
        bench.look(components, KEY)
    assert [each.wanted for each in hosting.placements(of(bench, KEY))] == [1, 2]
    bench.store.create(Record(KEY._replace(kind=alarm.METRIC, name="errors"), "a", 0, 0, state=alarm.ALARM))
    bench.settle(components, KEY)
    record = of(bench, KEY)
    assert (record.state, [entry["generation"] for entry in record.status["serving"]]) == ("InService", [1])
    assert len(serving(bench)) == len(running(bench)) == 2


def test_an_update_that_takes_too_long_is_rolled_back(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents, answering: set[Path]
) -> None:
    service(bench, endpoints, components)
    bench.engine.plan("*", Plan(after=None, on_stop=0, address=Path("/silent")))
    policy = {
        "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 0,
        "MaximumExecutionTimeoutInSeconds": 600,
    }
    slow = specification(StartupParameters={"ContainerStartupHealthCheckTimeoutInSeconds": 3600})
    update(bench, Specification=slow, DeploymentConfig={"RollingUpdatePolicy": policy})
    bench.look(components, KEY)
    bench.clock.advance(601)
    bench.settle(components, KEY)
    assert of(bench, KEY).state == "InService"
    assert "took longer" in of(bench, KEY).status["FailureReason"]


# The end.


def test_a_deleted_component_is_gone_when_its_copies_are(
    bench: Bench, endpoints: Endpoints, components: InferenceComponents
) -> None:
    service(bench, endpoints, components)
    bench.change(KEY, intent="delete", state="Deleting")
    bench.look(components, KEY)
    bench.engine.advance(STOP_GRACE)
    bench.settle(components, KEY)
    assert (bench.store.get(KEY), bench.engine.list(), bench.folders) == (None, [], [])
