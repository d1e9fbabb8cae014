"""Alarms, dashboards, rules and scaling records through Terraform: applied, unchanged, updated, destroyed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import boto3

CONFIGURATION = Path(__file__).with_name("observability")


def test_what_watches_an_endpoint_is_applied_kept_updated_and_destroyed(terraform: Any, role: str) -> None:
    shutil.copytree(CONFIGURATION, terraform.folder, dirs_exist_ok=True)
    sagemaker, cloudwatch = boto3.client("sagemaker"), boto3.client("cloudwatch")
    name = "watched"
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/nobody:1"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    first, second = (("-var=endpoint=watched", f"-var=revision={revision}") for revision in (1, 2))
    terraform.init()
    terraform.apply(*first)
    assert len(alarms(cloudwatch)) == 5  # two of them are the tracking policy's

    terraform.apply(*second)
    (latency,) = cloudwatch.describe_alarms(AlarmNames=["watching-latency"])["MetricAlarms"]
    assert latency["Threshold"] == 2000
    assert boto3.client("events").describe_rule(Name="watching-nightly")["State"] == "DISABLED"

    terraform.destroy(*second)
    assert alarms(cloudwatch) == []
    sagemaker.delete_endpoint(EndpointName=name)


def alarms(cloudwatch: Any) -> list[str]:
    """The names of the alarms of this configuration."""
    found = [
        cloudwatch.describe_alarms(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        for prefix in ("watching-", "TargetTracking-endpoint/watched/")
    ]
    return [
        alarm["AlarmName"] for told in found for kind in ("MetricAlarms", "CompositeAlarms") for alarm in told[kind]
    ]
