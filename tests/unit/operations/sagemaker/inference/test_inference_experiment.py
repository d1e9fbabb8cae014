"""Inference experiments as requests: no controller runs here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sagewright.resources.record import Key
from sagewright.testing.asker import Asker, Refused

ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
CONTAINER = {"Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"}
KEY = Key("123456789012", "us-east-1", "inference-experiment", "", "x")


def variant(name: str, model: str) -> dict[str, Any]:
    place = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": place}
    return {"VariantName": name, "ModelName": model, "InfrastructureConfig": infrastructure}


def sampled(percentage: int, source: str = "P") -> dict[str, Any]:
    shadows = [{"ShadowModelVariantName": "S", "SamplingPercentage": percentage}]
    return {"SourceModelVariantName": source, "ShadowModelVariants": shadows}


REQUEST: dict[str, Any] = {
    "Name": "x",
    "Type": "ShadowMode",
    "RoleArn": ROLE,
    "EndpointName": "e",
    "ModelVariants": [variant("P", "m"), variant("S", "n")],
    "ShadowModeConfig": sampled(50),
}


@pytest.fixture
def ready(asker: Asker) -> Asker:
    for model in ("m", "n"):
        asker.call("CreateModel", ModelName=model, ExecutionRoleArn=ROLE, PrimaryContainer=CONTAINER)
    for config, name, model in (("c", "P", "m"), ("other", "P", "n"), ("named", "Q", "m")):
        production = {"VariantName": name, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        asker.call("CreateEndpointConfig", EndpointConfigName=config, ProductionVariants=[production])
    asker.call("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    return asker


def become(asker: Asker, state: str) -> None:
    record = asker.server.storage.store.get(KEY)
    assert record is not None
    asker.server.storage.store.update(replace(record, state=state))


def refused(asker: Asker, operation: str, **members: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        asker.call(operation, **members)
    return caught.value.code, caught.value.message


def test_it_is_described_as_it_was_asked_for(ready: Asker) -> None:
    arn = ready.call("CreateInferenceExperiment", **REQUEST)["InferenceExperimentArn"]
    told = ready.call("DescribeInferenceExperiment", Name="x")
    assert (told["Arn"], told["Status"], told["ShadowModeConfig"]) == (arn, "Creating", sampled(50))
    assert told["EndpointMetadata"] == {
        "EndpointName": "e",
        "EndpointConfigName": "c",
        "EndpointStatus": "Creating",
    }
    assert {each["VariantName"]: each["Status"] for each in told["ModelVariants"]} == {
        "P": "InService",
        "S": "Creating",
    }
    assert told["Schedule"]["EndTime"] - told["Schedule"]["StartTime"] == 7 * 86400
    (listed,) = ready.call("ListInferenceExperiments", StatusEquals="Creating")["InferenceExperiments"]
    assert (listed["Name"], listed["Type"]) == ("x", "ShadowMode")


@pytest.mark.parametrize(
    ("members", "code", "words"),
    [
        ({"EndpointName": "none"}, "ValidationException", "Could not find endpoint"),
        ({"ModelVariants": [variant("P", "m"), variant("S", "none")]}, "ValidationException", "Could not find model"),
        ({"ModelVariants": [variant("P", "m")]}, "ValidationException", "ModelVariants must be"),
        ({"ShadowModeConfig": sampled(1, "Q")}, "ValidationException", "ModelVariants must be"),
        ({"ModelVariants": [variant("P", "n"), variant("S", "n")]}, "ValidationException", "one production variant: P"),
        ({"Schedule": {"EndTime": 1}}, "ValidationException", "EndTime must lie in the future"),
        ({"Schedule": {"EndTime": 9_000_000_000}}, "ValidationException", "30 days at most"),
        ({"DataStorageConfig": {"Destination": "https://a/b"}}, "ValidationException", "Destination"),
        ({"RoleArn": ROLE + "No"}, "ValidationException", ""),
    ],
)
def test_what_cannot_be_is_refused(ready: Asker, members: dict[str, Any], code: str, words: str) -> None:
    found = refused(ready, "CreateInferenceExperiment", **{**REQUEST, **members})
    assert found[0] == code
    assert words in found[1]


def test_serverless_endpoints_have_no_experiments(ready: Asker) -> None:
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variants = [{"VariantName": "P", "ModelName": "m", "ServerlessConfig": serverless}]
    ready.call("CreateEndpointConfig", EndpointConfigName="s", ProductionVariants=variants)
    ready.call("CreateEndpoint", EndpointName="s", EndpointConfigName="s")
    assert "real-time endpoints" in refused(ready, "CreateInferenceExperiment", **{**REQUEST, "EndpointName": "s"})[1]


def test_an_endpoint_has_one_experiment_at_a_time(ready: Asker) -> None:
    ready.call("CreateInferenceExperiment", **REQUEST)
    assert refused(ready, "CreateInferenceExperiment", **{**REQUEST, "Name": "y"})[0] == "ResourceInUse"
    become(ready, "Completed")
    ready.call("CreateInferenceExperiment", **{**REQUEST, "Name": "y"})


@pytest.mark.parametrize(
    ("operation", "members", "states"),
    [
        ("StartInferenceExperiment", {}, {"Creating", "Created"}),
        ("UpdateInferenceExperiment", {"Description": "d"}, {"Created", "Running"}),
        ("StopInferenceExperiment", {"ModelVariantActions": {"S": "Remove"}}, {"Creating", "Created", "Running"}),
        ("DeleteInferenceExperiment", {}, {"Completed", "Cancelled"}),
    ],
)
def test_what_may_be_done_depends_on_the_state(
    ready: Asker, operation: str, members: dict[str, Any], states: set[str]
) -> None:
    ready.call("CreateInferenceExperiment", **REQUEST)
    every = ("Creating", "Created", "Starting", "Running", "Updating", "Stopping", "Completed", "Cancelled")
    for state in [each for each in every if each not in states]:
        become(ready, state)
        assert refused(ready, operation, Name="x", **members)[0] == "ConflictException"
    for state in [each for each in every if each in states]:
        become(ready, state)
        ready.call(operation, Name="x", **members)
        if operation == "DeleteInferenceExperiment":
            ready.call("CreateInferenceExperiment", **REQUEST)


def test_only_what_the_endpoint_must_know_updates_it(ready: Asker) -> None:
    ready.call("CreateInferenceExperiment", **REQUEST)
    become(ready, "Running")
    end = ready.call("DescribeInferenceExperiment", Name="x")["Schedule"]["EndTime"]
    ready.call("UpdateInferenceExperiment", Name="x", Description="d", Schedule={"EndTime": end + 60})
    told = ready.call("DescribeInferenceExperiment", Name="x")
    assert (told["Status"], told["Description"]) == ("Running", "d")
    assert "only its EndTime" in refused(ready, "UpdateInferenceExperiment", Name="x", Schedule={"StartTime": end})[1]
    ready.call("UpdateInferenceExperiment", Name="x", ModelVariants=[variant("S", "m")], ShadowModeConfig=sampled(5))
    told = ready.call("DescribeInferenceExperiment", Name="x")
    assert (told["Status"], told["ShadowModeConfig"]) == ("Updating", sampled(5))
    assert [(each["VariantName"], each["ModelName"]) for each in told["ModelVariants"]] == [("P", "m"), ("S", "m")]


def test_an_end_that_cannot_be_is_refused(ready: Asker) -> None:
    ready.call("CreateInferenceExperiment", **REQUEST)
    become(ready, "Running")
    stop: dict[str, Any] = {"Name": "x", "ModelVariantActions": {"P": "Remove"}}
    assert "must stay in production" in refused(ready, "StopInferenceExperiment", **stop)[1]
    stop = {"Name": "x", "ModelVariantActions": {"S": "Promote"}, "DesiredModelVariants": [variant("S", "none")]}
    assert "Could not find model" in refused(ready, "StopInferenceExperiment", **stop)[1]
    assert ready.call("DescribeInferenceExperiment", Name="x")["Status"] == "Running"
