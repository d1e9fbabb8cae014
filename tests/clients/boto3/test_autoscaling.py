"""Application Auto Scaling of an endpoint's variant, as records."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from .refusals import refused

Eventually = Callable[..., Any]
Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def scaling() -> Any:
    return boto3.client("application-autoscaling")


@pytest.fixture
def what(role: str, unique: Unique) -> Any:
    """What to scale: a variant of an endpoint, which need not serve for this."""
    sagemaker, name = boto3.client("sagemaker"), unique("scaled")
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/nobody:1"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    yield {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    sagemaker.delete_endpoint(EndpointName=name)


def test_a_variant_is_set_up_to_be_scaled(scaling: Any, what: dict[str, Any]) -> None:
    cloudwatch = boto3.client("cloudwatch")
    assert refused(scaling.register_scalable_target, **what) == ("ValidationException", 400)
    arn = scaling.register_scalable_target(**what, MinCapacity=1, MaxCapacity=4, Tags={"a": "b"})["ScalableTargetARN"]
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "b"}
    tracking = {
        "TargetValue": 70.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": 300,
    }
    policy = scaling.put_scaling_policy(
        **what,
        PolicyName="invocations",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )
    names = [alarm["AlarmName"] for alarm in policy["Alarms"]]
    found = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert sorted(alarm["Threshold"] for alarm in found) == [63.0, 70.0]
    resource = {"ServiceNamespace": "sagemaker", "ResourceId": what["ResourceId"]}
    (described,) = scaling.describe_scaling_policies(**resource)["ScalingPolicies"]
    assert described["TargetTrackingScalingPolicyConfiguration"] == tracking
    scaling.put_scheduled_action(
        **what,
        ScheduledActionName="night",
        Schedule="cron(0 22 * * ? *)",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )
    assert len(scaling.describe_scheduled_actions(**resource)["ScheduledActions"]) == 1
    assert scaling.describe_scaling_activities(**resource)["ScalingActivities"] == []
    scaling.deregister_scalable_target(**what)
    assert (
        scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[what["ResourceId"]])[
            "ScalableTargets"
        ]
        == []
    )
    assert cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] == []
    assert refused(scaling.deregister_scalable_target, **what) == ("ObjectNotFoundException", 400)


def test_an_alarm_that_should_scale_says_that_it_did_not(
    scaling: Any, what: dict[str, Any], unique: Unique, eventually: Eventually
) -> None:
    cloudwatch, name = boto3.client("cloudwatch"), unique("steps")
    scaling.register_scalable_target(**what, MinCapacity=1, MaxCapacity=4)
    policy = scaling.put_scaling_policy(
        **what,
        PolicyName="steps",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    topic = boto3.client("sns").create_topic(Name=unique("topic"))["TopicArn"]
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[policy["PolicyARN"], topic],
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")

    def actions() -> Any:
        history = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]
        return len(history) == 2 and {json.loads(item["HistoryData"])["actionState"]: item for item in history}

    by_state = eventually(actions, timeout=20)
    assert "does not scale" in by_state["Failed"]["HistorySummary"]
    assert topic in by_state["Succeeded"]["HistorySummary"]
