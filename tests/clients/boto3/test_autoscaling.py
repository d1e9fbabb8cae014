"""Application Auto Scaling: what is set up, and a real endpoint that grows and shrinks by it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from .refusals import refusal, refused

Eventually = Callable[..., Any]
Unique = Callable[[str], str]
PATIENCE = {"Delay": 1, "MaxAttempts": 300}
UP = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
DOWN = [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1}]
ECHO = """
def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    return data, accept
"""


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


class Scaled:
    """A variant with an instance, and the ways to have more of them."""

    def __init__(self, endpoint: str, eventually: Eventually, dimension: str = "DesiredInstanceCount") -> None:
        self.endpoint, self._eventually = endpoint, eventually
        self.sagemaker, self.cloudwatch = boto3.client("sagemaker"), boto3.client("cloudwatch")
        self.scaling = boto3.client("application-autoscaling")
        self.resource = {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic"}
        self.what = {**self.resource, "ScalableDimension": f"sagemaker:variant:{dimension}"}

    def register(self, low: int, high: int, **more: Any) -> None:
        self.scaling.register_scalable_target(**self.what, MinCapacity=low, MaxCapacity=high, **more)

    def targets(self) -> list[dict[str, Any]]:
        found = {"ServiceNamespace": "sagemaker", "ResourceIds": [self.resource["ResourceId"]]}
        told: list[dict[str, Any]] = self.scaling.describe_scalable_targets(**found)["ScalableTargets"]
        return told

    def variant(self) -> dict[str, Any]:
        """What there is, and is to be; {} while that changes."""
        told = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        return dict(told["ProductionVariants"][0]) if told["EndpointStatus"] == "InService" else {}

    def instances(self) -> int | None:
        told = self.variant()
        there = told.get("CurrentInstanceCount")
        return there if there == told.get("DesiredInstanceCount") else None

    def becomes(self, count: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        """`meanwhile` is what goes on until it has."""

        def look() -> bool:
            meanwhile()
            return self.instances() == count

        self._eventually(look)

    def step(self, name: str, steps: list[dict[str, Any]], **alarm: Any) -> None:
        """A policy, and the alarm of the same name that calls it, each ten seconds."""
        config = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps, "Cooldown": 0}
        put = {"PolicyName": name, "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": config}
        arn = self.scaling.put_scaling_policy(**self.what, **put)["PolicyARN"]
        rule = {"Statistic": "Average", "Period": 10, "EvaluationPeriods": 1, "AlarmActions": [arn], **alarm}
        self.cloudwatch.put_metric_alarm(AlarmName=name, **{"Namespace": "Own", **rule})

    def track(self, metric: str, **more: Any) -> None:
        """Half a job for each instance."""
        named = {"Namespace": "Own", "MetricName": metric, "Statistic": "Average"}
        config = {"TargetValue": 0.5, "CustomizedMetricSpecification": named, **more}
        put = {"PolicyName": metric, "PolicyType": "TargetTrackingScaling"}
        self.scaling.put_scaling_policy(**self.what, **put, TargetTrackingScalingPolicyConfiguration=config)

    def load(self, metric: str, value: float, *ages: float) -> None:
        """A metric's value, so many seconds ago."""
        now = datetime.now(UTC)
        data = [
            {"MetricName": metric, "Value": value, "Timestamp": now - timedelta(seconds=age), "StorageResolution": 1}
            for age in ages
        ]
        self.cloudwatch.put_metric_data(Namespace="Own", MetricData=data)

    def activities(self, **more: Any) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self.scaling.describe_scaling_activities(**self.what, **more)["ScalingActivities"]
        return told


@pytest.fixture(scope="module")
def serve(role: str, unique: Unique, scripted: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., str]]:
    """Starts an endpoint with these members of its variant and configuration."""
    sagemaker, name = boto3.client("sagemaker"), unique("elastic")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=scripted(ECHO))
    names: list[str] = []

    def serve(variant: dict[str, Any], **config: Any) -> str:
        endpoint = unique("elastic")
        whole = {"VariantName": "AllTraffic", "ModelName": name, **variant}
        sagemaker.create_endpoint_config(EndpointConfigName=endpoint, ProductionVariants=[whole], **config)
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
        names.append(endpoint)
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig=PATIENCE)
        return endpoint

    yield serve
    for each in names:
        with suppress(sagemaker.exceptions.ClientError):  # deleted by its test
            sagemaker.delete_endpoint(EndpointName=each)
    for each in names:
        sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=each, WaiterConfig=PATIENCE)


@pytest.fixture(scope="module")
def endpoint(serve: Callable[..., str]) -> str:
    return serve({"InstanceType": "ml.m5.large", "InitialInstanceCount": 1})


@pytest.fixture
def scaled(endpoint: str, eventually: Eventually) -> Iterator[Scaled]:
    """One instance, of at most two."""
    scaled = Scaled(endpoint, eventually)
    scaled.register(1, 1)
    scaled.becomes(1)
    scaled.register(1, 2)
    yield scaled
    if scaled.targets():
        scaled.scaling.deregister_scalable_target(**scaled.what)


def test_an_endpoint_follows_its_alarms(scaled: Scaled, eventually: Eventually) -> None:
    above, below = "GreaterThanThreshold", "LessThanThreshold"
    scaled.step("elastic-up", UP, MetricName="queue", ComparisonOperator=above, Threshold=10)
    scaled.becomes(2, lambda: scaled.load("queue", 50, 15, 25))
    (activity,) = eventually(lambda: [each for each in scaled.activities() if each["StatusCode"] == "Successful"][:1])
    assert activity["Description"] == "Setting desired instance count to 2."
    assert activity["Cause"] == "monitor alarm elastic-up in state ALARM triggered policy elastic-up"
    assert activity["StatusMessage"].endswith("Change successfully fulfilled by sagemaker.")
    assert activity["EndTime"] > activity["StartTime"]
    answer = boto3.client("sagemaker-runtime").invoke_endpoint(EndpointName=scaled.endpoint, Body=b"hello")
    assert answer["Body"].read() == b"hello"

    scaled.step("elastic-down", DOWN, MetricName="queue", ComparisonOperator=below, Threshold=1)
    scaled.becomes(1, lambda: scaled.load("queue", 0, 0))  # when ten seconds are over
    assert "alarm elastic-down in state ALARM" in scaled.activities()[0]["Cause"]
    scaled.cloudwatch.delete_alarms(AlarmNames=["elastic-up", "elastic-down"])


def test_an_endpoint_keeps_a_metric_at_its_target(scaled: Scaled) -> None:
    scaled.load("jobs", 0.9, 30, 90, 150, 210)
    scaled.track("jobs", ScaleOutCooldown=0)
    scaled.becomes(2)
    scaled.scaling.delete_scaling_policy(**scaled.what, PolicyName="jobs")
    scaled.load("idle", 0.1, *range(30, 1000, 60))
    scaled.track("idle")
    scaled.becomes(1)
    assert "-AlarmLow-" in scaled.activities()[0]["Cause"]


def test_what_is_suspended_is_called_in_vain(scaled: Scaled, eventually: Eventually) -> None:
    scaled.register(1, 2, SuspendedState={"DynamicScalingOutSuspended": True})
    above = "GreaterThanThreshold"
    scaled.step("elastic-held", UP, MetricName="nothing", ComparisonOperator=above, Threshold=1, Period=60)
    before = len(scaled.activities())
    set_alarm = {"AlarmName": "elastic-held", "StateValue": "ALARM", "StateReason": "a test"}
    scaled.cloudwatch.set_alarm_state(**set_alarm)

    def executed() -> list[str]:
        told = scaled.cloudwatch.describe_alarm_history(AlarmName="elastic-held", HistoryItemType="Action")
        return [json.loads(item["HistoryData"])["actionState"] for item in told["AlarmHistoryItems"]]

    assert eventually(executed) == ["Succeeded"]
    assert (scaled.instances(), len(scaled.activities())) == (1, before)
    scaled.register(1, 1, SuspendedState={"DynamicScalingOutSuspended": False})
    scaled.cloudwatch.set_alarm_state(**{**set_alarm, "StateValue": "OK"})
    scaled.cloudwatch.set_alarm_state(**set_alarm)

    def in_vain() -> Any:
        newest = scaled.activities(IncludeNotScaledActivities=True)[0]
        return newest.get("NotScaledReasons")

    assert eventually(in_vain) == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 1}]
    scaled.cloudwatch.delete_alarms(AlarmNames=["elastic-held"])


def test_an_update_must_keep_what_is_scaled(scaled: Scaled, unique: Unique) -> None:
    told = scaled.sagemaker.describe_endpoint_config(EndpointConfigName=scaled.endpoint)
    variants = [{**told["ProductionVariants"][0], "InstanceType": "ml.c5.large"}]
    name = unique("other")
    scaled.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    code, words = refusal(scaled.sagemaker.update_endpoint, EndpointName=scaled.endpoint, EndpointConfigName=name)
    assert code == "ValidationException"
    assert '"AllTraffic" must be deregistered as a scalable target' in words


def test_a_schedule_moves_the_bounds_and_an_endpoint_takes_its_target_along(
    scaled: Scaled, eventually: Eventually
) -> None:
    soon = datetime.fromtimestamp(int(time.time()) + 2, UTC)
    scaled.scaling.put_scheduled_action(
        **scaled.what,
        ScheduledActionName="soon",
        Schedule=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 2},
    )
    scaled.becomes(2)
    causes = [activity["Cause"] for activity in scaled.activities()]
    assert causes[:2] == ["minimum capacity was set to 2", "scheduled action name soon was triggered"]

    scaled.sagemaker.delete_endpoint(EndpointName=scaled.endpoint)
    eventually(lambda: not scaled.targets())
    assert scaled.scaling.describe_scheduled_actions(**scaled.resource)["ScheduledActions"] == []
    register = scaled.scaling.register_scalable_target
    assert refused(register, **scaled.what, MinCapacity=1, MaxCapacity=2) == ("ValidationException", 400)


def test_an_asynchronous_endpoint_sleeps_until_there_is_work(
    serve: Callable[..., str], bucket: str, eventually: Eventually
) -> None:
    output = {"OutputConfig": {"S3OutputPath": f"s3://{bucket}/answers"}}
    variant = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    scaled = Scaled(serve(variant, AsyncInferenceConfig=output), eventually)
    scaled.register(0, 1)
    scaled.load("backlog", 0, *range(30, 1000, 60))
    scaled.track("backlog")
    scaled.becomes(0)
    backlog = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "HasBacklogWithoutCapacity",
        "Dimensions": [{"Name": "EndpointName", "Value": scaled.endpoint}],
    }
    above = "GreaterThanOrEqualToThreshold"
    scaled.step("elastic-work", UP, **backlog, ComparisonOperator=above, Threshold=1)
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key="questions/one", Body=b"hello")
    answer = boto3.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=scaled.endpoint, InputLocation=f"s3://{bucket}/questions/one", ContentType="text/plain"
    )
    key = answer["OutputLocation"].removeprefix(f"s3://{bucket}/")
    eventually(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"])
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"hello"
    assert scaled.instances() == 1
    scaled.cloudwatch.delete_alarms(AlarmNames=["elastic-work"])


def test_provisioned_concurrency_is_scaled(serve: Callable[..., str], eventually: Eventually) -> None:
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 2, "ProvisionedConcurrency": 1}
    scaled = Scaled(serve({"ServerlessConfig": serverless}), eventually, "DesiredProvisionedConcurrency")
    scaled.register(2, 4)

    def provisioned() -> bool:
        told = scaled.variant()
        return bool(told) and told["CurrentServerlessConfig"]["ProvisionedConcurrency"] == 2

    eventually(provisioned)
    (activity,) = eventually(lambda: [each for each in scaled.activities() if each["StatusCode"] == "Successful"])
    assert activity["Description"] == "Setting desired provisioned concurrency to 2."
    scaled.register(3, 4)
    (failed,) = eventually(lambda: [each for each in scaled.activities() if each["StatusCode"] == "Failed"])
    assert "must not be more than its MaxConcurrency (2)" in failed["StatusMessage"]


def test_copies_of_a_component_are_scaled(
    role: str, unique: Unique, scripted: Callable[..., dict[str, Any]], eventually: Eventually
) -> None:
    sagemaker, host, name = boto3.client("sagemaker"), unique("shared"), unique("copied")
    variant = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=host, ProductionVariants=[variant], ExecutionRoleArn=role)
    sagemaker.create_endpoint(EndpointName=host, EndpointConfigName=host)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=host, WaiterConfig=PATIENCE)
    model = scripted(ECHO)
    sagemaker.create_inference_component(
        InferenceComponentName=name,
        EndpointName=host,
        VariantName="AllTraffic",
        Specification={
            "Container": {
                "Image": model["Image"],
                "ArtifactUrl": model["ModelDataUrl"],
                "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
            },
            "ComputeResourceRequirements": {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 256},
        },
        RuntimeConfig={"CopyCount": 1},
    )
    what = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"inference-component/{name}",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    scaling = boto3.client("application-autoscaling")
    # Bounds that are set while it is created are kept once it is in service.
    for bounds in ((2, 2), (0, 0)):
        scaling.register_scalable_target(**what, MinCapacity=bounds[0], MaxCapacity=bounds[1])

        def there(count: int = bounds[0]) -> bool:
            told = sagemaker.describe_inference_component(InferenceComponentName=name)
            copies = set(told["RuntimeConfig"].values())
            return told["InferenceComponentStatus"] == "InService" and copies == {count}

        eventually(there)

    def done() -> list[str]:
        told = scaling.describe_scaling_activities(**what)["ScalingActivities"]
        return [each["Description"] for each in told if each["StatusCode"] == "Successful"]

    expected = ["Setting desired copy count to 0.", "Setting desired copy count to 2."]
    eventually(lambda: done() == expected)
    sagemaker.delete_inference_component(InferenceComponentName=name)
    found = {"ServiceNamespace": "sagemaker", "ResourceIds": [what["ResourceId"]]}
    eventually(lambda: not scaling.describe_scalable_targets(**found)["ScalableTargets"])
    components = {"EndpointNameEquals": host}
    eventually(lambda: not sagemaker.list_inference_components(**components)["InferenceComponents"])
    sagemaker.delete_endpoint(EndpointName=host)
