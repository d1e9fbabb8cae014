from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")


def definition(kind: str, role: str, name: str = "drift", endpoint: str = "e") -> dict[str, Any]:
    source: dict[str, Any] = {"EndpointInput": {"EndpointName": endpoint, "LocalPath": "/opt/ml/processing/input"}}
    app: dict[str, Any] = {"ImageUri": "image"}
    if kind in ("ModelQuality", "ModelBias"):
        source["GroundTruthS3Input"] = {"S3Uri": "s3://bucket/truth"}
    if kind in ("ModelBias", "ModelExplainability"):
        app["ConfigUri"] = "s3://bucket/config"
    output = {"S3Output": {"S3Uri": "s3://bucket/reports", "LocalPath": "/opt/ml/processing/output"}}
    return {
        "JobDefinitionName": name,
        f"{kind}AppSpecification": app,
        f"{kind}JobInput": source,
        f"{kind}JobOutputConfig": {"MonitoringOutputs": [output]},
        "JobResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
        "RoleArn": role,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_is_made_listed_by_endpoint_and_deleted(asker: Asker, role: str, kind: str) -> None:
    asker.call(f"Create{kind}JobDefinition", **definition(kind, role))
    asker.call(f"Create{kind}JobDefinition", **definition(kind, role, "other", "f"))
    told = asker.call(f"Describe{kind}JobDefinition", JobDefinitionName="drift")
    assert told[f"{kind}JobInput"]["EndpointInput"]["EndpointName"] == "e"
    (summary,) = asker.call(f"List{kind}JobDefinitions", EndpointName="e")["JobDefinitionSummaries"]
    assert (summary["MonitoringJobDefinitionName"], summary["EndpointName"]) == ("drift", "e")
    asker.call(f"Delete{kind}JobDefinition", JobDefinitionName="drift")
    with pytest.raises(Refused) as refused:
        asker.call(f"Describe{kind}JobDefinition", JobDefinitionName="drift")
    assert refused.value.code == "ResourceNotFound"


def test_a_definition_watches_an_endpoint_or_a_transform(asker: Asker, role: str) -> None:
    wrong = definition("DataQuality", role)
    wrong["DataQualityJobInput"] = {}
    with pytest.raises(Refused, match="exactly one of"):
        asker.call("CreateDataQualityJobDefinition", **wrong)


CONFIG = {
    "MonitoringJobDefinitionName": "drift",
    "MonitoringType": "DataQuality",
    "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
}


def test_a_schedule_that_nothing_would_run_is_refused(asker: Asker) -> None:
    with pytest.raises(Refused, match="does not run monitoring schedules yet"):
        asker.call("CreateMonitoringSchedule", MonitoringScheduleName="s", MonitoringScheduleConfig=CONFIG)


class TestSchedule:
    @pytest.fixture(autouse=True)
    def schedule(self, asker: Asker, everything_built: None) -> None:
        asker.call("CreateMonitoringSchedule", MonitoringScheduleName="s", MonitoringScheduleConfig=CONFIG)

    def test_it_waits_and_never_says_that_it_is_scheduled(self, asker: Asker) -> None:
        told = asker.call("DescribeMonitoringSchedule", MonitoringScheduleName="s")
        assert (told["MonitoringScheduleStatus"], told["MonitoringType"]) == ("Pending", "DataQuality")
        asker.call("StopMonitoringSchedule", MonitoringScheduleName="s")
        told = asker.call("DescribeMonitoringSchedule", MonitoringScheduleName="s")
        assert told["MonitoringScheduleStatus"] == "Stopped"

    def test_it_is_found_by_what_it_runs(self, asker: Asker) -> None:
        of_it = {"MonitoringJobDefinitionName": "drift", "MonitoringTypeEquals": "DataQuality"}
        found = asker.call("ListMonitoringSchedules", **of_it)
        assert [each["MonitoringScheduleName"] for each in found["MonitoringScheduleSummaries"]] == ["s"]
        found = asker.call("ListMonitoringSchedules", MonitoringJobDefinitionName="other")
        assert found["MonitoringScheduleSummaries"] == []

    def test_it_has_neither_alerts_nor_executions(self, asker: Asker) -> None:
        assert asker.call("ListMonitoringAlerts", MonitoringScheduleName="s")["MonitoringAlertSummaries"] == []
        executions = asker.call("ListMonitoringExecutions", MonitoringScheduleName="s", SortBy="ScheduledTime")
        assert executions["MonitoringExecutionSummaries"] == []
        with pytest.raises(Refused, match="does not exist"):
            asker.call(
                "UpdateMonitoringAlert",
                MonitoringScheduleName="s",
                MonitoringAlertName="a",
                DatapointsToAlert=1,
                EvaluationPeriod=1,
            )
