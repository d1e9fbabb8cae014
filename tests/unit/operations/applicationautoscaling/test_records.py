"""Application Auto Scaling: targets, policies and their alarms, scheduled actions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.resources.record import Key, Record
from sagewright.resources.scaling import ACTIVITY
from sagewright.testing.world import Client, World

RESOURCE = "endpoint/e/variant/v"
WHAT = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": RESOURCE,
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
TRACKING = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
}
STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.make(tmp_path)
    account = world.services.settings.account
    spec = {"config": {"ProductionVariants": [{"VariantName": "v"}]}}
    world.services.store.create(Record(Key(account, "us-east-1", "endpoint", "", "e"), "e", 0, 0, spec))
    yield world
    world.close()


@pytest.fixture
def scaling(world: World) -> Client:
    return world.client("application-autoscaling")


@pytest.fixture
def target(scaling: Client) -> str:
    arn = scaling.register_scalable_target(**WHAT, MinCapacity=1, MaxCapacity=4)["ScalableTargetARN"]
    return str(arn)


def alarms(world: World) -> dict[str, Any]:
    found = world.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {alarm["AlarmName"].split("-Alarm")[1].split("-")[0]: alarm for alarm in found}


def refusal(question: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        question(**members)
    return caught.value.code, caught.value.message


def test_a_target_is_registered_and_changed(scaling: Client, target: str) -> None:
    again = scaling.register_scalable_target(**WHAT, MaxCapacity=8, SuspendedState={"ScheduledScalingSuspended": True})
    assert again["ScalableTargetARN"] == target
    (found,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (1, 8)
    assert found["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    assert found["SuspendedState"]["ScheduledScalingSuspended"] is True
    named = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[RESOURCE, "endpoint/f"])
    assert named["ScalableTargets"] == [found]
    assert scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    assert scaling.describe_scaling_activities(ServiceNamespace="sagemaker") == {"ScalingActivities": []}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ResourceId": "endpoint/e"}, "Write endpoint/NAME/variant/NAME"),
        ({"ResourceId": "endpoint/nobody/variant/v"}, "no endpoint nobody"),
        ({"ResourceId": "endpoint/e/variant/w"}, "no variant w"),
        ({"ResourceId": "endpoint/e/variant/e"}, "no variant e"),
        ({"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}, "no provisioned concurrency"),
        ({"ScalableDimension": "ecs:service:DesiredCount"}, "Unsupported"),
        ({"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}, "nothing of ecs"),
        ({"MinCapacity": 5}, "less than minimum"),
        ({"MinCapacity": -1}, "below 0"),
    ],
)
def test_what_is_no_target(scaling: Client, change: dict[str, Any], words: str) -> None:
    code, message = refusal(scaling.register_scalable_target, **{**WHAT, "MinCapacity": 1, "MaxCapacity": 4, **change})
    assert code == "ValidationException"
    assert words in message


def test_target_tracking_has_its_two_alarms(scaling: Client, world: World, target: str) -> None:
    put = {**WHAT, "PolicyName": "p", "PolicyType": "TargetTrackingScaling"}
    made = scaling.put_scaling_policy(**put, TargetTrackingScalingPolicyConfiguration=TRACKING)
    assert made["PolicyARN"].endswith(f":resource/sagemaker/{RESOURCE}:policyName/p")
    found = alarms(world)
    assert {name: alarm["Threshold"] for name, alarm in found.items()} == {"High": 70, "Low": 63}
    high = found["High"]
    assert high["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmHigh-")
    assert (high["Namespace"], high["MetricName"]) == ("AWS/SageMaker", "InvocationsPerInstance")
    assert {each["Name"]: each["Value"] for each in high["Dimensions"]} == {"EndpointName": "e", "VariantName": "v"}
    assert high["AlarmActions"] == [made["PolicyARN"]]

    scaling.put_scaling_policy(**put, TargetTrackingScalingPolicyConfiguration={**TRACKING, "DisableScaleIn": True})
    assert [alarm["AlarmName"] for alarm in alarms(world).values()] == [high["AlarmName"]]
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", PolicyNames=["p"])["ScalingPolicies"]
    assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == [high["AlarmName"]]
    scaling.delete_scaling_policy(**WHAT, PolicyName="p")
    assert alarms(world) == {}


def test_a_step_policy_lists_the_alarms_that_call_it(scaling: Client, world: World, target: str) -> None:
    made = scaling.put_scaling_policy(
        **WHAT, PolicyName="s", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS
    )
    assert made["Alarms"] == []
    world.client("cloudwatch").put_metric_alarm(
        AlarmName="mine",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[made["PolicyARN"]],
    )
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == ["mine"]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"StepScalingPolicyConfiguration": STEPS}, "PolicyType must be given"),
        ({"PolicyType": "PredictiveScaling"}, "no policies of type"),
        ({"PolicyType": "StepScaling", "TargetTrackingScalingPolicyConfiguration": TRACKING}, "no other"),
        (
            {"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {"AdjustmentType": "ExactCapacity"}},
            "least one",
        ),
        (
            {
                "PolicyType": "StepScaling",
                "StepScalingPolicyConfiguration": {
                    **STEPS,
                    "StepAdjustments": [
                        {"MetricIntervalUpperBound": 5.0, "ScalingAdjustment": 1},
                        {"MetricIntervalLowerBound": 6.0, "ScalingAdjustment": 1},
                    ],
                },
            },
            "gap",
        ),
        (
            {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 1.0}},
            "Exactly one",
        ),
        (
            {
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 1.0,
                    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
                },
            },
            "no metric of",
        ),
        (
            {"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {**STEPS, "Cooldown": -1}},
            "Cooldown must not be below 0",
        ),
    ],
)
def test_what_is_no_policy(scaling: Client, target: str, members: dict[str, Any], words: str) -> None:
    code, message = refusal(scaling.put_scaling_policy, **WHAT, PolicyName="p", **members)
    assert code == "ValidationException"
    assert words in message


def test_what_is_not_registered_is_not_found(scaling: Client) -> None:
    put = {"PolicyName": "p", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": STEPS}
    for question, members in (
        (scaling.put_scaling_policy, put),
        (scaling.delete_scaling_policy, {"PolicyName": "p"}),
        (scaling.deregister_scalable_target, {}),
        (scaling.delete_scheduled_action, {"ScheduledActionName": "a"}),
    ):
        assert refusal(question, **WHAT, **members)[0] == "ObjectNotFoundException"


def test_scheduled_actions(scaling: Client, target: str) -> None:
    put = {**WHAT, "ScheduledActionName": "night"}
    scaling.put_scheduled_action(
        **put, Schedule="cron(0 22 * * ? *)", Timezone="Europe/Berlin", ScalableTargetAction={"MaxCapacity": 1}
    )
    scaling.put_scheduled_action(**put, Schedule="at(2030-01-01T00:00:00)")
    (action,) = scaling.describe_scheduled_actions(**WHAT)["ScheduledActions"]
    assert scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"] == [action]
    other = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/f/variant/v"}
    assert scaling.describe_scheduled_actions(**other)["ScheduledActions"] == []
    assert (action["Schedule"], action["Timezone"]) == ("at(2030-01-01T00:00:00)", "Europe/Berlin")
    assert action["ScheduledActionARN"].endswith(":scheduledActionName/night")
    for wrong in ({"Schedule": "daily"}, {"Timezone": "Nowhere"}, {"ScalableTargetAction": {"MinCapacity": -1}}):
        assert refusal(scaling.put_scheduled_action, **put, **wrong)[0] == "ValidationException"
    scaling.delete_scheduled_action(**put)
    assert scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"] == []


def test_a_target_goes_with_all_that_hangs_on_it(scaling: Client, world: World, target: str) -> None:
    scaling.put_scaling_policy(
        **WHAT, PolicyName="p", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=TRACKING
    )
    scaling.deregister_scalable_target(**WHAT)
    assert scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    assert alarms(world) == {}


def test_tags(scaling: Client, target: str) -> None:
    scaling.tag_resource(ResourceARN=target, Tags={"a": "1", "b": "2"})
    scaling.untag_resource(ResourceARN=target, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=target) == {"Tags": {"b": "2"}}
    assert refusal(scaling.list_tags_for_resource, ResourceARN=target + "x")[0] == "ResourceNotFoundException"


def activity(world: World, name: str, time: float, resource: str = RESOURCE, state: str = "Successful") -> None:
    parent = f"{resource}|{WHAT['ScalableDimension']}"
    key = Key(world.services.settings.account, "us-east-1", ACTIVITY, parent, name)
    spec, facets = {"ActivityId": name}, {"ResourceId": resource}
    world.services.store.create(Record(key, name, time, time, spec, {}, state, facets=facets))


def test_activities_are_listed_the_newest_first(scaling: Client, world: World) -> None:
    now = world.clock.now()
    for number in range(3):
        activity(world, f"a{number}", now + number)
    activity(world, "vain", now + 3, state="NotScaled")
    activity(world, "other", now + 4, resource="endpoint/f/variant/v")

    def told(**more: Any) -> list[str]:
        found = scaling.describe_scaling_activities(ServiceNamespace="sagemaker", **more)
        return [each["ActivityId"] for each in found["ScalingActivities"]]

    assert told() == ["other", "a2", "a1", "a0"]
    assert told(ResourceId=RESOURCE) == ["a2", "a1", "a0"]
    assert told(ResourceId=RESOURCE, IncludeNotScaledActivities=True) == ["vain", "a2", "a1", "a0"]
    named = {member: value for member, value in WHAT.items() if member != "ServiceNamespace"}
    first = scaling.describe_scaling_activities(ServiceNamespace="sagemaker", **named, MaxResults=2)
    assert [each["ActivityId"] for each in first["ScalingActivities"]] == ["a2", "a1"]
    assert told(**named, NextToken=first["NextToken"]) == ["a0"]
    assert scaling.describe_scaling_activities(ServiceNamespace="ecs") == {"ScalingActivities": []}
    dimension = {"ScalableDimension": WHAT["ScalableDimension"]}
    assert refusal(told, **dimension)[0] == "ValidationException"
    assert refusal(told, NextToken="x")[0] == "InvalidNextTokenException"
