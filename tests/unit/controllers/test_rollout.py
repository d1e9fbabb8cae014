"""How one generation of an endpoint takes another's place: stages, alarms, ways back, deaths, and killed servers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sagewright.compute.fake import Plan
from sagewright.controllers import fleet
from sagewright.controllers.endpoint import Endpoints
from sagewright.controllers.fleet import STOP_GRACE
from sagewright.resources import routing
from sagewright.resources.alarm import COMPOSITE, METRIC
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record

from .conftest import ACCOUNT, IMAGE, REGION, Bench, Killed, packed

KEY = Key(ACCOUNT, REGION, KIND, "", "e")
SERVES = Plan(after=None, on_stop=0, address=Path("/healthy"))
BREAKS = Plan(lines=["Traceback", "no such model"], exit_code=1)


def size(value: int, kind: str = "CAPACITY_PERCENT") -> dict[str, Any]:
    return {"Type": kind, "Value": value}


def blue_green(kind: str, wait: int, termination: int = 0, alarms: Sequence[str] = (), **sizes: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": termination}
    return {
        "BlueGreenUpdatePolicy": policy,
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": a} for a in alarms]},
    }


CANARY = blue_green("CANARY", 60, 30, ["bad"], CanarySize=size(10))
ROLLING = {
    "RollingUpdatePolicy": {"MaximumBatchSize": size(50), "WaitIntervalInSeconds": 60},
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "bad"}]},
}


@pytest.fixture
def endpoints(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Endpoints:
    monkeypatch.setattr(fleet, "answers_ping", lambda address: address == Path("/healthy"))
    bench.files.held["b", "model.tar.gz"] = packed({"weights": b"w"})
    bench.engine.plan("*", SERVES)
    return Endpoints(bench.platform, bench.wake, bench.room(2))


def spec(
    generation: int, count: int, deployment: dict[str, Any] | None, *, shadow: int | None = None
) -> dict[str, Any]:
    """What CreateEndpoint and UpdateEndpoint write down."""
    model = {
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/R",
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz"},
    }
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": count}
    shadows = [{**variant, "VariantName": "s", "InitialInstanceCount": shadow}] if shadow is not None else []
    return {
        "EndpointConfigName": f"config-{generation}",
        "generation": generation,
        "config": {"ProductionVariants": [variant], **({"ShadowProductionVariants": shadows} if shadows else {})},
        "models": {"m": model},
        **({"DeploymentConfig": deployment} if deployment else {}),
    }


def service(bench: Bench, endpoints: Endpoints, count: int = 1) -> None:
    now = bench.clock.now()
    made = Record(KEY, "u", now, now, spec=spec(1, count, None), status={"EndpointArn": "arn:e"}, state="Creating")
    bench.store.create(made)
    bench.settle(endpoints, KEY)
    assert record(bench).state == "InService"


def update(bench: Bench, deployment: dict[str, Any] | None, count: int = 1, **more: Any) -> None:
    bench.change(KEY, spec=spec(2, count, deployment, **more), state="Updating")


def alarm(bench: Bench, state: str, kind: str = METRIC) -> None:
    key = Key(ACCOUNT, REGION, kind, "", "bad")
    if bench.store.get(key) is None:
        bench.store.create(Record(key, "a", 0, 0, state=state))
    else:
        bench.change(key, state=state)


def record(bench: Bench) -> Record:
    found = bench.store.get(KEY)
    assert found is not None
    return found


def looks(bench: Bench, endpoints: Endpoints, seconds: float) -> None:
    """Look as often as asked for, for so long."""
    end = bench.clock.now() + seconds
    while True:
        delay = bench.look(endpoints, KEY) or 0.0
        if bench.clock.now() + delay > end:
            return
        bench.engine.advance(delay)


def shares(bench: Bench) -> dict[int, float]:
    """By generation."""
    return {entry["generation"]: round(entry["share"], 3) for entry in record(bench).status["serving"]}


def serving(bench: Bench, generation: int) -> int:
    return len(routing.members_of(record(bench).status["serving"], generation, "v"))


def running(bench: Bench) -> Sequence[str]:
    return [task for task in bench.engine.list() if bench.engine.inspect(task).phase == "running"]


def told(bench: Bench) -> dict[str, Any]:
    """The VariantStatus of what is pending."""
    (variant,) = record(bench).status["PendingDeploymentSummary"]["ProductionVariants"]
    (status,) = variant["VariantStatus"]
    assert isinstance(status, dict)
    return status


# Blue/green.


def test_a_canary_bakes_before_the_rest_follows(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    alarm(bench, "OK")
    begun = bench.clock.now()
    update(bench, CANARY)
    looks(bench, endpoints, 5)
    assert (record(bench).state, shares(bench)) == ("Updating", {1: 0.9, 2: 0.1})
    assert record(bench).status["EndpointConfigName"] == "config-1"
    pending = record(bench).status["PendingDeploymentSummary"]
    assert (pending["EndpointConfigName"], pending["StartTime"]) == ("config-2", begun)
    assert told(bench)["Status"] == "Baking"
    assert told(bench)["StartTime"] == pytest.approx(begun, abs=1)
    assert told(bench)["StatusMessage"] == (
        "Baking for 60 seconds (WaitIntervalInSeconds) with traffic enabled on 10% capacity of 1 instance(s)."
    )
    looks(bench, endpoints, 60)
    assert shares(bench) == {1: 0, 2: 1}
    looks(bench, endpoints, 60)
    assert "TerminationWaitInSeconds" in told(bench)["StatusMessage"]
    assert len(running(bench)) == 2, "the old one stands by"
    looks(bench, endpoints, 31)
    assert (record(bench).state, shares(bench)) == ("InService", {2: 1})
    assert record(bench).status["EndpointConfigName"] == "config-2"
    assert {"PendingDeploymentSummary", "deployment", "FailureReason"}.isdisjoint(record(bench).status)
    bench.settle(endpoints, KEY)
    assert list(bench.engine.list()) == running(bench) == ["serve-u-2-0-0-2"]


def test_routes_end_before_an_instance_does(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    update(bench, None)
    bench.look(endpoints, KEY)
    bench.look(endpoints, KEY)
    assert (shares(bench), bench.engine.stops) == ({2: 1}, [])
    bench.engine.advance(0.4)
    bench.look(endpoints, KEY)
    assert bench.engine.stops == [], "what was sent in that moment arrives"
    bench.engine.advance(0.1)
    bench.look(endpoints, KEY)
    assert bench.engine.stops == [("serve-u-1-0-0-1", STOP_GRACE)]


def test_linear_steps(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    update(bench, blue_green("LINEAR", 10, LinearStepSize=size(40)))
    seen = []
    for _ in range(4):
        looks(bench, endpoints, 5)
        seen.append(shares(bench))
        looks(bench, endpoints, 5)
    assert seen == [{1: 0.6, 2: 0.4}, {1: 0.2, 2: 0.8}, {1: 0, 2: 1}, {2: 1}]


def test_without_waits_the_new_generation_takes_over_at_once(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    update(bench, blue_green("CANARY", 0, CanarySize=size(10)), 2)
    looks(bench, endpoints, 0.1)
    assert (record(bench).state, shares(bench), serving(bench, 2)) == ("InService", {2: 1}, 2)


# Alarms and time limits.


@pytest.mark.parametrize("kind", [METRIC, COMPOSITE])
@pytest.mark.parametrize("seconds", [5, 65, 125])
def test_an_alarm_rolls_back_at_any_moment(bench: Bench, endpoints: Endpoints, seconds: float, kind: str) -> None:
    service(bench, endpoints)
    alarm(bench, "OK", kind)
    update(bench, CANARY)
    looks(bench, endpoints, seconds)
    alarm(bench, "ALARM", kind)
    looks(bench, endpoints, 2)
    assert (record(bench).state, shares(bench)) == ("InService", {1: 1})
    assert record(bench).status["EndpointConfigName"] == "config-1"
    assert "CloudWatch alarms that are in ALARM: bad" in record(bench).status["FailureReason"]
    bench.settle(endpoints, KEY)
    assert list(bench.engine.list()) == running(bench) == ["serve-u-1-0-0-1"]
    assert record(bench).state == "InService"


def test_an_alarm_that_rings_before_the_new_generation_stands_keeps_traffic_away(
    bench: Bench, endpoints: Endpoints
) -> None:
    service(bench, endpoints)
    alarm(bench, "ALARM")
    update(bench, blue_green("ALL_AT_ONCE", 0, 0, ["bad"]))
    while record(bench).state == "Updating":
        assert shares(bench) == {1: 1}
        bench.look(endpoints, KEY)
    bench.settle(endpoints, KEY)
    assert (record(bench).state, shares(bench)) == ("InService", {1: 1})


@pytest.mark.parametrize("state", ["INSUFFICIENT_DATA", "OK"])
def test_other_alarm_states_do_nothing(bench: Bench, endpoints: Endpoints, state: str) -> None:
    service(bench, endpoints)
    alarm(bench, state)
    update(bench, CANARY)
    bench.settle(endpoints, KEY)
    assert shares(bench) == {2: 1}


def test_what_takes_too_long_is_rolled_back(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    config = blue_green("ALL_AT_ONCE", 0)
    config["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 60
    bench.engine.plan("serve-u-2-*", Plan(after=None, on_stop=0, address=Path("/silent")))
    update(bench, config)
    bench.change(KEY, spec=with_health_timeout(record(bench).spec, 360))
    looks(bench, endpoints, 59)
    assert record(bench).state == "Updating"
    assert told(bench)["Status"] == "Creating"
    looks(bench, endpoints, 3)
    assert (record(bench).state, shares(bench)) == ("InService", {1: 1})
    assert "MaximumExecutionTimeoutInSeconds (60)" in record(bench).status["FailureReason"]


def with_health_timeout(spec: Any, seconds: int) -> dict[str, Any]:
    (variant,) = spec["config"]["ProductionVariants"]
    patient = {**variant, "ContainerStartupHealthCheckTimeoutInSeconds": seconds}
    return {**spec, "config": {"ProductionVariants": [patient]}}


# Rolling.


def test_a_rolling_update_goes_batch_by_batch(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints, 4)
    alarm(bench, "OK")
    update(bench, ROLLING, 4)
    looks(bench, endpoints, 30)
    assert (shares(bench), len(running(bench))) == ({1: 0.5, 2: 0.5}, 6)
    looks(bench, endpoints, 60)
    assert (shares(bench), len(running(bench))) == ({1: 0, 2: 1}, 6)
    (variant,) = record(bench).status["ProductionVariants"]
    assert variant["VariantStatus"][0]["Status"] == "Updating"
    bench.settle(endpoints, KEY)
    assert (record(bench).state, shares(bench), len(running(bench))) == ("InService", {2: 1}, 4)
    assert list(bench.engine.list()) == running(bench)


def test_a_rolling_update_brings_the_old_back_before_it_turns_traffic(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints, 2)
    alarm(bench, "OK")
    update(bench, ROLLING, 2)
    looks(bench, endpoints, 90)
    assert (shares(bench), serving(bench, 1), serving(bench, 2)) == ({1: 0, 2: 1}, 1, 2)
    bench.engine.plan("serve-u-1-*", Plan(after=None, on_stop=0, address=Path("/silent")))
    alarm(bench, "ALARM")
    looks(bench, endpoints, 5)
    assert (record(bench).state, shares(bench)) == ("RollingBack", {1: 0, 2: 1})
    waiting = next(task for task in running(bench) if bench.engine.address(task) == Path("/silent"))
    bench.engine.plan("serve-u-1-*", SERVES)
    bench.engine.end(waiting, 1)
    bench.settle(endpoints, KEY)
    assert (record(bench).state, shares(bench), serving(bench, 1)) == ("InService", {1: 1}, 2)
    assert list(bench.engine.list()) == running(bench)
    assert len(running(bench)) == 2


def test_a_batch_that_does_not_come_up_rolls_back(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints, 2)
    update(bench, ROLLING, 2)
    looks(bench, endpoints, 30)
    bench.engine.plan("serve-u-2-*", BREAKS)
    looks(bench, endpoints, 40)
    bench.settle(endpoints, KEY)
    assert (record(bench).state, shares(bench), serving(bench, 1)) == ("InService", {1: 1}, 2)
    assert "no such model" in record(bench).status["FailureReason"]
    assert list(bench.engine.list()) == running(bench)


# Deaths.


@pytest.mark.parametrize("generation", [1, 2])
def test_instances_that_die_while_it_bakes_are_replaced(bench: Bench, endpoints: Endpoints, generation: int) -> None:
    service(bench, endpoints, 2)
    update(bench, CANARY, 2)
    looks(bench, endpoints, 20)
    victim = next(task for task in running(bench) if task.startswith(f"serve-u-{generation}-"))
    bench.engine.end(victim, 1)
    bench.look(endpoints, KEY)
    assert serving(bench, generation) == 1, "nothing is sent to the dead"
    looks(bench, endpoints, 10)
    assert (serving(bench, 1), serving(bench, 2), shares(bench)) == (2, 2, {1: 0.9, 2: 0.1})
    bench.settle(endpoints, KEY)
    assert (record(bench).state, shares(bench)) == ("InService", {2: 1})


def test_a_new_instance_that_dies_for_good_rolls_back(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    update(bench, CANARY)
    looks(bench, endpoints, 20)
    bench.engine.plan("serve-u-2-*", BREAKS)
    bench.engine.end("serve-u-2-0-0-2", 1)
    looks(bench, endpoints, 10)
    assert (record(bench).state, shares(bench)) == ("InService", {1: 1})


def test_an_old_instance_that_cannot_be_replaced_does_not_stop_the_update(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints, 2)
    update(bench, CANARY, 2)
    looks(bench, endpoints, 20)
    bench.files.held.clear()
    bench.engine.end("serve-u-1-0-0-1", 1)
    bench.settle(endpoints, KEY)
    assert (record(bench).state, shares(bench), serving(bench, 2)) == ("InService", {2: 1}, 2)
    assert list(bench.engine.list()) == running(bench)


# Killed servers, and deletions.


@pytest.mark.parametrize("deployment", [CANARY, ROLLING])
@pytest.mark.parametrize("seconds", [0, 30, 100])
def test_another_server_goes_on_where_one_was_killed(
    bench: Bench, endpoints: Endpoints, deployment: dict[str, Any], seconds: int
) -> None:
    service(bench, endpoints, 2)
    update(bench, deployment, 2)
    begun = bench.clock.now()
    looks(bench, endpoints, seconds)
    again = Endpoints(bench.platform, bench.wake, bench.room(2))
    bench.platform.sweep(set(again.tasks(record(bench))))
    while record(bench).state == "Updating":
        bench.engine.advance(bench.look(again, KEY) or 0.0)
    total = 150 if deployment is CANARY else 120
    assert bench.clock.now() - begun == pytest.approx(total, abs=3), "what has baked, has baked"
    bench.settle(again, KEY)
    assert (shares(bench), len(running(bench))) == ({2: 1}, 2)
    ids = [task.id for task in bench.engine.started]
    assert len(ids) == len(set(ids)) == 4


@pytest.mark.parametrize("step", ["start", "stop", "destroy"])
@pytest.mark.parametrize("deployment", [CANARY, ROLLING])
def test_whatever_was_cut_short_is_finished(
    bench: Bench, endpoints: Endpoints, deployment: dict[str, Any], step: str
) -> None:
    service(bench, endpoints, 2)
    update(bench, deployment, 2)
    bench.engine.die_at = step
    with pytest.raises(Killed):
        bench.settle(endpoints, KEY)
    again = Endpoints(bench.platform, bench.wake, bench.room(2))
    bench.platform.sweep(set(again.tasks(record(bench))))
    bench.settle(again, KEY)
    assert (record(bench).state, shares(bench)) == ("InService", {2: 1})
    assert list(bench.engine.list()) == running(bench)
    assert len(running(bench)) == 2
    ids = [task.id for task in bench.engine.started]
    assert len(ids) == len(set(ids)) == 4


@pytest.mark.parametrize("deployment", [CANARY, ROLLING])
@pytest.mark.parametrize("seconds", [0, 40, 100])
@pytest.mark.parametrize("rings", [False, True])
def test_an_endpoint_can_be_deleted_in_the_middle_of_everything(
    bench: Bench, endpoints: Endpoints, deployment: dict[str, Any], seconds: int, rings: bool
) -> None:
    service(bench, endpoints, 2)
    alarm(bench, "OK")
    update(bench, deployment, 2)
    looks(bench, endpoints, seconds)
    if rings:
        alarm(bench, "ALARM")
        bench.look(endpoints, KEY)
    bench.change(KEY, intent="delete", state="Deleting")
    for _ in range(3):
        bench.look(endpoints, KEY)
    assert bench.store.get(KEY) is None
    assert list(bench.engine.list()) == []
    assert bench.folders == []


def test_a_deletion_that_takes_its_time_is_told(bench: Bench, endpoints: Endpoints) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=None, address=Path("/healthy")))
    service(bench, endpoints)
    bench.change(KEY, intent="delete", state="Deleting")
    bench.look(endpoints, KEY)
    (variant,) = record(bench).status["ProductionVariants"]
    assert variant["VariantStatus"][0]["Status"] == "Deleting"
    told = record(bench)
    bench.look(endpoints, KEY)
    assert record(bench) == told, "once"
    bench.engine.advance(STOP_GRACE)
    bench.look(endpoints, KEY)
    assert bench.store.get(KEY) is None


def test_after_a_roll_back_another_update_is_another_deployment(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    alarm(bench, "ALARM")
    update(bench, CANARY)
    bench.settle(endpoints, KEY)
    assert record(bench).status["abandoned"] == 2
    alarm(bench, "OK")
    bench.change(KEY, spec=spec(3, 1, CANARY), state="Updating")
    looks(bench, endpoints, 5)
    assert shares(bench) == {1: 0.9, 3: 0.1}
    bench.settle(endpoints, KEY)
    assert (record(bench).state, shares(bench)) == ("InService", {3: 1})
    assert "FailureReason" not in record(bench).status


# What is told of capacities, and of shadows.


def test_desired_and_current_differ_while_capacity_changes(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    bench.engine.plan("*", Plan(after=None, on_stop=0, address=Path("/silent")))
    changed = spec(1, 2, None)
    changed["config"]["ProductionVariants"][0]["InitialVariantWeight"] = 3.0
    bench.change(KEY, spec=changed, state="Updating")
    bench.look(endpoints, KEY)
    (variant,) = record(bench).status["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 2)
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (1.0, 3.0)
    assert variant["VariantStatus"][0]["Status"] == "Updating"
    assert "PendingDeploymentSummary" not in record(bench).status


def test_an_endpoint_without_instances_is_in_service(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints, 0)
    (variant,) = record(bench).status["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"], running(bench)) == (0, 0, [])
    update(bench, ROLLING, 1)
    bench.settle(endpoints, KEY)
    assert (record(bench).state, shares(bench), serving(bench, 2)) == ("InService", {2: 1}, 1)


def test_shadows_run_and_are_routed_to_beside_their_production_variant(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    update(bench, CANARY, shadow=1)
    looks(bench, endpoints, 5)
    pending = record(bench).status["PendingDeploymentSummary"]
    assert pending["ShadowProductionVariants"][0]["VariantStatus"][0]["Status"] == "Baking"
    bench.settle(endpoints, KEY)
    (entry,) = record(bench).status["serving"]
    assert [(each["name"], each["shadow"], len(each["members"])) for each in entry["variants"]] == [
        ("v", False, 1),
        ("s", True, 1),
    ]
    assert [each["VariantName"] for each in record(bench).status["ShadowProductionVariants"]] == ["s"]
    bench.change(KEY, spec=spec(3, 1, None), state="Updating")
    bench.settle(endpoints, KEY)
    assert "ShadowProductionVariants" not in record(bench).status
    assert len(running(bench)) == 1


def test_a_shadow_that_does_not_come_up_rolls_back(bench: Bench, endpoints: Endpoints) -> None:
    service(bench, endpoints)
    bench.engine.plan("serve-u-2-1-*", BREAKS)
    update(bench, None, shadow=1)
    bench.settle(endpoints, KEY)
    assert (record(bench).state, shares(bench)) == ("InService", {1: 1})
    assert "production variant s" in record(bench).status["FailureReason"]
