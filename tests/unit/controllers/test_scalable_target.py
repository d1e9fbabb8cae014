"""Scalable targets: capacities follow alarms, cooldowns, bounds, and what others do to the endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError, StaleRecord
from sagewright.dataplane.scaling.activities import KEPT, MOST
from sagewright.resources.alarm import HISTORY, METRIC
from sagewright.resources.record import Key, Record
from sagewright.resources.scaling import ACTION, ACTIVITY, POLICY, TARGET
from sagewright.store.base import Query

from .scaling import REGION, WHAT, Scaled

UP = [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
DOWN = [{"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1}]
LOW = {"ComparisonOperator": "LessThanThreshold", "Threshold": 5.0}


@pytest.fixture
def scaled(tmp_path: Path) -> Iterator[Scaled]:
    scaled = Scaled(tmp_path)
    yield scaled
    scaled.close()


@pytest.fixture
def endpoint(scaled: Scaled) -> Key:
    return scaled.endpoint()


def left(scaled: Scaled, kind: str) -> int:
    return scaled.store.count(Query(scaled.account, REGION, kind))


def test_target_tracking_goes_to_what_is_needed(scaled: Scaled, endpoint: Key) -> None:
    scaled.register()
    scaled.track()
    scaled.minute(35.0, minutes=2)
    assert scaled.wanted(endpoint) == 1
    scaled.minute(35.0)
    assert scaled.wanted(endpoint) == 4
    (activity,) = scaled.activities()
    assert activity["Description"] == "Setting desired instance count to 4."
    assert "-AlarmHigh-" in activity["Cause"]
    assert activity["Cause"].endswith("in state ALARM triggered policy p")
    assert activity["StatusCode"] == "InProgress"
    assert "EndTime" not in activity
    assert activity["StatusMessage"].endswith("Waiting for change to be fulfilled by sagemaker.")

    scaled.serve(endpoint)
    (activity,) = scaled.activities()
    assert (activity["StatusCode"], activity["EndTime"]) == ("Successful", scaled.clock.now())
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 4. Change successfully fulfilled by sagemaker."
    )


def test_target_tracking_shrinks_after_a_quarter_of_an_hour(scaled: Scaled) -> None:
    endpoint = scaled.endpoint(6)
    scaled.register()
    scaled.track()
    scaled.minute(2.0)
    scaled.minute(4.0)  # the busiest minute
    scaled.minute(2.0, minutes=12)
    assert scaled.wanted(endpoint) == 6
    scaled.minute(2.0)
    assert scaled.wanted(endpoint) == 3  # 6 * 4.0 / 10


def test_target_tracking_of_an_expression(scaled: Scaled, endpoint: Key) -> None:
    scaled.register()
    load = {"Metric": {"Namespace": "n", "MetricName": "load"}, "Stat": "Sum"}
    metrics = [
        {"Id": "load", "MetricStat": load, "ReturnData": False},
        {"Id": "half", "Expression": "load / 2", "ReturnData": True},
    ]
    scaled.track(CustomizedMetricSpecification={"Metrics": metrics})
    scaled.minute(50.0, minutes=3)
    assert scaled.wanted(endpoint) == 3


def test_what_would_grow_again_does_not_shrink(scaled: Scaled) -> None:
    endpoint = scaled.endpoint(2)
    scaled.register()
    scaled.track()
    scaled.minute(8.0, minutes=20)
    assert scaled.wanted(endpoint) == 2
    assert scaled.activities() == []
    (activity,) = scaled.activities(IncludeNotScaledActivities=True)  # told once, not each minute
    assert activity["NotScaledReasons"] == [{"Code": "AutoScalingAnticipatedFlapping"}]
    assert (activity["StatusCode"], activity["Description"]) == ("Failed", "Attempting to scale due to alarm triggered")


def test_no_policy_shrinks_what_another_needs(scaled: Scaled) -> None:
    endpoint = scaled.endpoint(4)
    scaled.register()
    scaled.track("idle", target=100.0)
    scaled.track("busy", target=20.0)
    scaled.minute(19.0, minutes=20)  # the second has enough, and not too much
    assert scaled.wanted(endpoint) == 4
    scaled.minute(12.0, minutes=15)  # both want less: 1 and 3
    assert scaled.wanted(endpoint) == 3


def test_a_policy_that_never_shrinks_holds_nobody_back(scaled: Scaled) -> None:
    endpoint = scaled.endpoint(4)
    scaled.register()
    scaled.track("up", target=100.0, DisableScaleIn=True)
    scaled.minute(1.0, minutes=20)
    assert scaled.wanted(endpoint) == 4
    scaled.track("both", target=20.0)
    scaled.minute(1.0)
    assert scaled.wanted(endpoint) == 1


def test_an_alarm_without_data_scales_nothing(scaled: Scaled) -> None:
    endpoint = scaled.endpoint(4)
    scaled.register()
    scaled.track()
    scaled.minute(minutes=20)
    assert scaled.wanted(endpoint) == 4


def test_a_cooldown_lets_a_larger_scale_out_through(scaled: Scaled, endpoint: Key) -> None:
    scaled.register()
    scaled.track(ScaleOutCooldown=300)
    scaled.minute(25.0, minutes=3)
    assert scaled.wanted(endpoint) == 3
    scaled.serve(endpoint)
    scaled.minute(25.0, minutes=3)
    assert scaled.wanted(endpoint) == 3  # of 1, three make ten each
    scaled.minute(45.0)
    assert scaled.wanted(endpoint) == 5
    scaled.serve(endpoint)
    scaled.minute(11.0, minutes=4)
    assert scaled.wanted(endpoint) == 5
    scaled.minute(11.0)
    assert scaled.wanted(endpoint) == 6


def test_steps_go_on_while_the_alarm_lasts(scaled: Scaled, endpoint: Key) -> None:
    scaled.register(high=3)
    scaled.step("up", UP)
    counts = []
    for _ in range(9):
        scaled.minute(20.0)
        counts.append(scaled.wanted(endpoint))
        scaled.serve(endpoint)
    assert counts == [2, 2, 3, 3, 3, 3, 3, 3, 3]  # two minutes of cooldown each
    (newest, *_) = scaled.activities(IncludeNotScaledActivities=True)
    assert newest["NotScaledReasons"] == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 3}]
    assert len(scaled.activities()) == 2


def test_a_scale_in_cooldown_does_not_hold_a_scale_out_back(scaled: Scaled) -> None:
    endpoint = scaled.endpoint(3)
    scaled.register()
    scaled.step("up", UP)
    scaled.step("down", DOWN, LOW, Cooldown=600)
    scaled.minute(1.0)
    assert scaled.wanted(endpoint) == 2
    scaled.serve(endpoint)
    scaled.minute(1.0, minutes=5)
    assert scaled.wanted(endpoint) == 2
    scaled.minute(20.0)
    assert scaled.wanted(endpoint) == 3


def test_steps_of_a_percentage(scaled: Scaled) -> None:
    endpoint = scaled.endpoint(4)
    scaled.register(high=20)
    far = [{"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 20.0, "ScalingAdjustment": 50}]
    further = [{"MetricIntervalLowerBound": 20.0, "ScalingAdjustment": 100}]
    scaled.step("up", far + further, AdjustmentType="PercentChangeInCapacity")
    scaled.minute(29.0)
    assert scaled.wanted(endpoint) == 6
    scaled.serve(endpoint)
    scaled.minute(30.0)
    assert scaled.wanted(endpoint) == 8  # a doubling of 4: 2 of that were there


def test_a_breach_that_no_step_is_for_is_told(scaled: Scaled, endpoint: Key) -> None:
    scaled.register()
    scaled.step("up", [{"MetricIntervalLowerBound": 50.0, "ScalingAdjustment": 1}])
    for load in (20.0, 21.0, 22.0):
        scaled.minute(load)
    assert scaled.wanted(endpoint) == 1
    (activity,) = scaled.activities(IncludeNotScaledActivities=True)
    assert activity["StatusMessage"] == "No step adjustment found for metric value 20 and breach delta 10."


def test_while_an_endpoint_is_updating_scaling_waits(scaled: Scaled, endpoint: Key) -> None:
    scaled.register()
    scaled.step("up", UP)
    scaled.serve(endpoint, state="Updating")
    scaled.minute(20.0)
    assert scaled.wanted(endpoint) == 1
    scaled.serve(endpoint)
    scaled.minute(20.0)
    assert scaled.wanted(endpoint) == 2


def test_an_alarm_set_by_hand_calls_its_policy(scaled: Scaled, endpoint: Key) -> None:
    scaled.register()
    scaled.step("up", UP)
    scaled.settle()
    scaled.cloudwatch.set_alarm_state(AlarmName="up", StateValue="ALARM", StateReason="a test")
    scaled.settle()
    assert scaled.wanted(endpoint) == 2
    items = scaled.store.list(Query(scaled.account, REGION, HISTORY, parent="up", states=("Action",)), limit=10)
    (item,) = items.records
    assert item.spec["HistorySummary"].startswith("Successfully executed action arn:aws:autoscaling")


def test_zero_instances_come_back_when_there_is_work(scaled: Scaled) -> None:
    endpoint = scaled.endpoint(1, AsyncInferenceConfig={})
    scaled.register(low=0)
    scaled.track(target=5.0)
    scaled.step("backlog", UP, {"Threshold": 0.0})
    scaled.minute(0.0, minutes=15)
    assert scaled.wanted(endpoint) == 0
    scaled.serve(endpoint)
    scaled.minute(0.0, minutes=6)
    assert scaled.wanted(endpoint) == 0
    scaled.minute(1.0)
    assert scaled.wanted(endpoint) == 1


def test_what_answers_at_once_keeps_an_instance(scaled: Scaled) -> None:
    endpoint = scaled.endpoint(2)
    scaled.register(low=0)
    scaled.track(target=5.0)
    scaled.minute(0.0, minutes=15)
    assert scaled.wanted(endpoint) == 1


@pytest.mark.parametrize(
    ("count", "low", "high", "wanted", "cause"),
    [(1, 2, 4, 2, "minimum capacity was set to 2"), (5, 1, 3, 3, "maximum capacity was set to 3")],
)
def test_new_bounds_are_kept_at_once(scaled: Scaled, count: int, low: int, high: int, wanted: int, cause: str) -> None:
    endpoint = scaled.endpoint(count)
    scaled.serve(endpoint, state="Updating")
    scaled.register(low, high, SuspendedState={"DynamicScalingOutSuspended": True})
    assert scaled.wanted(endpoint) == count
    scaled.serve(endpoint)
    assert scaled.wanted(endpoint) == wanted
    assert [each["Cause"] for each in scaled.activities()] == [cause]


def test_who_changes_the_capacity_by_hand_is_left_alone_until_bounds_are_set_again(
    scaled: Scaled, endpoint: Key
) -> None:
    scaled.register(1, 2)
    scaled.world.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="e", DesiredWeightsAndCapacities=[{"VariantName": "v", "DesiredInstanceCount": 4}]
    )
    scaled.serve(endpoint)
    assert scaled.wanted(endpoint) == 4
    scaled.register(1, 2)
    assert scaled.wanted(endpoint) == 2


def test_what_is_suspended_does_not_scale(scaled: Scaled, endpoint: Key) -> None:
    scaled.register(SuspendedState={"DynamicScalingOutSuspended": True})
    scaled.step("up", UP)
    scaled.minute(20.0, minutes=3)
    assert scaled.wanted(endpoint) == 1
    scaled.register(SuspendedState={"DynamicScalingOutSuspended": False})
    scaled.minute(20.0)
    assert scaled.wanted(endpoint) == 2


@pytest.mark.parametrize(
    ("state", "status", "code", "words"),
    [
        ("Failed", {"FailureReason": "Out of memory."}, "Unfulfilled", "Out of memory."),
        ("InService", {"FailureReason": "It did not answer."}, "Unfulfilled", "It did not answer."),
    ],
)
def test_a_change_that_is_not_fulfilled_says_why(
    scaled: Scaled, endpoint: Key, state: str, status: dict[str, Any], code: str, words: str
) -> None:
    scaled.register(2)
    scaled.serve(endpoint, state=state, **status)
    (activity,) = scaled.activities()
    assert activity["StatusCode"] == code
    assert words in activity["StatusMessage"]


def test_a_change_that_others_overrode_says_so(scaled: Scaled, endpoint: Key) -> None:
    scaled.register(2)
    scaled.serve(endpoint, seen=False)
    scaled.world.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="e", DesiredWeightsAndCapacities=[{"VariantName": "v", "DesiredInstanceCount": 4}]
    )
    scaled.serve(endpoint)
    (activity,) = scaled.activities()
    assert activity["StatusCode"] == "Overridden"
    assert activity["StatusMessage"].endswith("Found it was later changed to 4.")


def test_what_cannot_be_had_is_told_once(scaled: Scaled, endpoint: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise ValueError("There is no more.")

    monkeypatch.setattr("sagewright.resources.endpoint.resized", refuse)
    scaled.register(2, 4)
    scaled.step("up", UP, Cooldown=0)
    scaled.minute(20.0, minutes=3)
    told = {each["Cause"]: each for each in scaled.activities()}
    assert set(told) == {"minimum capacity was set to 2", "monitor alarm up in state ALARM triggered policy up"}
    for activity in told.values():
        assert activity["StatusCode"] == "Failed"
        assert activity["StatusMessage"] == "Failed to set desired instance count to 2. There is no more."
    assert len(scaled.activities()) == 2
    assert scaled.wanted(endpoint) == 1


def test_an_endpoint_takes_its_targets_along(scaled: Scaled, endpoint: Key) -> None:
    scaled.register(2)
    scaled.track()
    scaled.scaling.put_scheduled_action(
        **WHAT, ScheduledActionName="a", Schedule="rate(1 day)", ScalableTargetAction={"MaxCapacity": 3}
    )
    scaled.world.client("sagemaker").delete_endpoint(EndpointName="e")
    scaled.settle()
    assert [left(scaled, kind) for kind in (TARGET, POLICY, ACTION, METRIC)] == [0, 0, 0, 0]
    assert [each["StatusCode"] for each in scaled.activities()] == ["Failed"]
    assert not scaled.targets._watching
    assert not scaled.targets._called


def test_a_variant_that_an_update_takes_away_takes_its_target_along(scaled: Scaled, endpoint: Key) -> None:
    scaled.register()

    def without(record: Record) -> Record:
        return replace(record, spec={**record.spec, "config": {"ProductionVariants": []}}, state="Updating")

    scaled.store.amend(endpoint, without)
    scaled.settle()
    assert left(scaled, TARGET) == 1  # it may be rolled back
    scaled.serve(endpoint)
    assert left(scaled, TARGET) == 0


def test_another_server_goes_on_where_one_was_killed(scaled: Scaled, endpoint: Key) -> None:
    scaled.register(2)
    scaled.track()
    scaled.restart()
    scaled.serve(endpoint)
    assert [each["StatusCode"] for each in scaled.activities()] == ["Successful"]
    scaled.minute(35.0, minutes=3)
    scaled.serve(endpoint)
    assert scaled.wanted(endpoint) == 6  # 2 * 3.5, within the bounds


def test_an_endpoint_of_the_same_name_inherits_no_target(scaled: Scaled, endpoint: Key) -> None:
    scaled.register()
    scaled.track()
    record = scaled.store.get(endpoint)
    assert record is not None
    scaled.store.delete(record)
    scaled.endpoint(2)
    scaled.scaling.register_scalable_target(**WHAT, MinCapacity=1, MaxCapacity=2)
    scaled.settle()
    assert [left(scaled, kind) for kind in (TARGET, POLICY, METRIC)] == [1, 0, 0]


def test_a_call_that_met_another_write_is_not_lost(
    scaled: Scaled, endpoint: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaled.register()
    arn = scaled.step("up", UP)
    scaled.minute(1.0)
    scaled.metrics.put("n", "load", {}, scaled.clock.now() - 1, 50.0)
    target = next(iter(scaled.store.list(Query(scaled.account, REGION, TARGET), limit=1).records))
    write = scaled.store.write

    def stale(_writes: Any) -> Any:
        monkeypatch.setattr(scaled.store, "write", write)
        raise StaleRecord("somebody else")

    scaled.targets.call(arn, Key(scaled.account, REGION, METRIC, "", "up"))
    monkeypatch.setattr(scaled.store, "write", stale)
    with pytest.raises(StaleRecord):
        scaled.targets.reconcile(target)
    scaled.targets.reconcile(target)
    assert scaled.wanted(endpoint) == 2


def test_who_calls_a_policy_that_is_not_there_is_told(scaled: Scaled, endpoint: Key) -> None:
    scaled.register()
    scaled.track()
    arn = scaled.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"][0]["PolicyARN"]
    alarm = Key(scaled.account, REGION, METRIC, "", "mine")
    with pytest.raises(AwsError, match="only the alarms it made"):
        scaled.targets.call(arn, alarm)
    scaled.scaling.delete_scaling_policy(**WHAT, PolicyName="p")
    with pytest.raises(AwsError, match="No scaling policy"):
        scaled.targets.call(arn, alarm)


def test_activities_are_kept_for_six_weeks_and_up_to_a_number(scaled: Scaled, endpoint: Key) -> None:
    scaled.register(2)
    (first,) = scaled.store.list(Query(scaled.account, REGION, ACTIVITY), limit=10).records
    for number in range(MOST + 3):
        copy = first.key._replace(name=f"copy-{number}")
        scaled.store.create(type(first)(copy, copy.name, first.created, 0, first.spec, first.status, "Successful"))
    scaled.serve(endpoint)
    scaled.register(3)
    assert left(scaled, ACTIVITY) == MOST
    scaled.serve(endpoint)
    scaled.clock.advance(KEPT + 1)
    assert scaled.activities() == []
    scaled.register(4)
    assert left(scaled, ACTIVITY) == MOST + 1 - 20  # a few at a time
    assert [each["Description"] for each in scaled.activities()] == ["Setting desired instance count to 4."]


def test_what_no_alarm_calls_costs_nothing(scaled: Scaled, endpoint: Key) -> None:
    scaled.register()
    scaled.step("up", UP)
    scaled.minute(1.0)
    scaled.looks.clear()
    scaled.minute(1.0, minutes=10)
    assert TARGET not in scaled.looks


def test_copies_that_wait_for_room_may_become_fewer(scaled: Scaled) -> None:
    what = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "inference-component/c",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    key = Key(scaled.account, REGION, "inference-component", "", "c")
    runtime = {"DesiredCopyCount": 1, "CurrentCopyCount": 1}
    spec = {"RuntimeConfig": {"CopyCount": 1}, "generation": 1, "update": 1}
    scaled.store.create(Record(key, "c", 0, 0, spec, {"RuntimeConfig": runtime}, "InService"))

    def copies(there: int, state: str, short: int = 0) -> int:
        def seen(record: Record) -> Record:
            told = {"DesiredCopyCount": record.spec["RuntimeConfig"]["CopyCount"], "CurrentCopyCount": there}
            return replace(record, status={"RuntimeConfig": told, "short": short}, state=state)

        record = scaled.store.amend(key, seen)
        assert record is not None
        scaled.settle()
        return int(record.spec["RuntimeConfig"]["CopyCount"])

    scaled.scaling.register_scalable_target(**what, MinCapacity=1, MaxCapacity=8)
    scaled.settle()
    scaled.step("up", [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 4}], what=what)
    scaled.step("down", DOWN, LOW, what=what)
    scaled.minute(20.0, minutes=3)
    assert copies(2, "Updating", short=3) == 5
    scaled.minute(20.0)
    assert copies(2, "Updating", short=3) == 5  # not more of what there is no room for
    scaled.minute(1.0)
    assert copies(2, "Updating", short=2) == 4
    assert copies(4, "InService") == 4
    told = [each["StatusCode"] for each in scaled.activities()]
    assert sorted(told) == ["Overridden", "Successful"]
