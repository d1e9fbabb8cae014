from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused


@pytest.fixture(autouse=True)
def fleet(asker: Asker) -> None:
    asker.call("CreateDeviceFleet", DeviceFleetName="cars", OutputConfig={"S3OutputLocation": "s3://bucket/cars"})
    asker.call("RegisterDevices", DeviceFleetName="cars", Devices=[{"DeviceName": "one"}, {"DeviceName": "two"}])


def agent(asker: Asker, operation: str, **members: Any) -> dict[str, Any]:
    sent = {"DeviceFleetName": "cars", "DeviceName": "one", **members}
    headers = {"content-type": "application/json"}
    answer = asker.ask(path=f"/{operation}", headers=headers, body=json.dumps(sent).encode())
    assert answer.status == 200, answer.body
    told: dict[str, Any] = json.loads(answer.body or b"{}")
    return told


def test_devices_are_registered_together_or_not_at_all(asker: Asker) -> None:
    with pytest.raises(Refused, match="Nothing was registered"):
        asker.call("RegisterDevices", DeviceFleetName="cars", Devices=[{"DeviceName": "three"}, {"DeviceName": "two"}])
    names = [device["DeviceName"] for device in asker.call("ListDevices", DeviceFleetName="cars")["DeviceSummaries"]]
    assert sorted(names) == ["one", "two"]


def test_a_report_counts_what_the_devices_told(asker: Asker) -> None:
    agent(asker, "SendHeartbeat", AgentVersion="1.2", Models=[{"ModelName": "linear", "ModelVersion": "1"}])
    told = asker.call("DescribeDevice", DeviceFleetName="cars", DeviceName="one")
    assert (told["AgentVersion"], told["Models"][0]["ModelName"]) == ("1.2", "linear")
    report = asker.call("GetDeviceFleetReport", DeviceFleetName="cars")
    assert report["DeviceStats"] == {"ConnectedDeviceCount": 1, "RegisteredDeviceCount": 2}
    assert report["AgentVersions"] == [{"Version": "1.2", "AgentCount": 1}]
    assert report["ModelStats"][0]["ConnectedDeviceCount"] == 1
    assert [each["DeviceName"] for each in asker.call("ListDevices", ModelName="linear")["DeviceSummaries"]] == ["one"]


def test_a_device_has_tags_under_the_arn_of_its_fleet(asker: Asker) -> None:
    arn = asker.call("DescribeDevice", DeviceFleetName="cars", DeviceName="one")["DeviceArn"]
    assert arn.endswith(":device-fleet/cars/device/one")
    asker.call("AddTags", ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    fleet = asker.call("DescribeDeviceFleet", DeviceFleetName="cars")["DeviceFleetArn"]
    assert asker.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert asker.call("ListTags", ResourceArn=fleet)["Tags"] == []


def test_a_fleet_with_devices_stays(asker: Asker) -> None:
    with pytest.raises(Refused, match="DeviceFleet cars has devices"):
        asker.call("DeleteDeviceFleet", DeviceFleetName="cars")
    asker.call("DeregisterDevices", DeviceFleetName="cars", DeviceNames=["one", "two", "three"])
    asker.call("DeleteDeviceFleet", DeviceFleetName="cars")
    with pytest.raises(Refused, match="No devicefleet with name cars"):
        asker.call("DescribeDeviceFleet", DeviceFleetName="cars")


def stage(name: str, **selection: Any) -> dict[str, Any]:
    return {"StageName": name, "DeviceSelectionConfig": selection}


def test_stages_select_devices_and_wait(asker: Asker) -> None:
    some = stage("some", DeviceSubsetType="NAMECONTAINS", DeviceNameContains="tw")
    asker.call(
        "CreateEdgeDeploymentPlan",
        EdgeDeploymentPlanName="plan",
        DeviceFleetName="cars",
        ModelConfigs=[{"ModelHandle": "m", "EdgePackagingJobName": "p"}],
        Stages=[some],
    )
    rest = stage("rest", DeviceSubsetType="PERCENTAGE", Percentage=100)
    asker.call("CreateEdgeDeploymentStage", EdgeDeploymentPlanName="plan", Stages=[rest])
    told = asker.call("DescribeEdgeDeploymentPlan", EdgeDeploymentPlanName="plan")
    assert [each["StageName"] for each in told["Stages"]] == ["some", "rest"]
    assert told["Stages"][0]["DeploymentStatus"]["StageStatus"] == "READYTODEPLOY"
    listed = asker.call("ListStageDevices", EdgeDeploymentPlanName="plan", StageName="some")
    assert [each["DeviceName"] for each in listed["DeviceDeploymentSummaries"]] == ["two"]
    with pytest.raises(Refused, match="does not deploy models to devices yet"):
        asker.call("StartEdgeDeploymentStage", EdgeDeploymentPlanName="plan", StageName="some")
    with pytest.raises(Refused, match="nothing to stop"):
        asker.call("StopEdgeDeploymentStage", EdgeDeploymentPlanName="plan", StageName="some")
