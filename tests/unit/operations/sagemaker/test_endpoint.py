"""Models, endpoint configurations and endpoints as records: no controller runs here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sagewright.resources.record import Key
from sagewright.testing.asker import Asker, Refused

ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
CONTAINER = {"Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"}
KEY = Key("123456789012", "us-east-1", "endpoint", "", "e")
VARIANT = {"VariantName": "AllTraffic", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


@pytest.fixture
def endpoint(asker: Asker) -> str:
    asker.call("CreateModel", ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=CONTAINER)
    asker.call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[VARIANT])
    return str(asker.call("CreateEndpoint", EndpointName="e", EndpointConfigName="c")["EndpointArn"])


def test_they_are_described_as_they_were_asked_for(asker: Asker, endpoint: str) -> None:
    model = asker.call("DescribeModel", ModelName="m")
    assert model["PrimaryContainer"] == CONTAINER
    assert set(model) == {"ModelName", "ModelArn", "PrimaryContainer", "ExecutionRoleArn", "CreationTime"}
    config = asker.call("DescribeEndpointConfig", EndpointConfigName="c")
    assert set(config) == {"EndpointConfigName", "EndpointConfigArn", "ProductionVariants", "CreationTime"}
    described = asker.call("DescribeEndpoint", EndpointName="e")
    assert (described["EndpointArn"], described["EndpointStatus"]) == (ARN + "endpoint/e", "Creating")
    assert described["EndpointConfigName"] == "c"


@pytest.mark.parametrize(
    ("operation", "members", "words"),
    [
        ("DescribeModel", {"ModelName": "x"}, f'Could not find model "{ARN}model/x".'),
        ("DeleteModel", {"ModelName": "x"}, f'Could not find model "{ARN}model/x".'),
        ("DescribeEndpointConfig", {"EndpointConfigName": "x"}, "Could not find endpoint configuration"),
        ("DescribeEndpoint", {"EndpointName": "x"}, f'Could not find endpoint "{ARN}endpoint/x".'),
        ("DeleteEndpoint", {"EndpointName": "x"}, "Could not find endpoint"),
        ("UpdateEndpoint", {"EndpointName": "x", "EndpointConfigName": "c"}, "Could not find endpoint"),
        ("CreateEndpoint", {"EndpointName": "x", "EndpointConfigName": "x"}, "Could not find endpoint configuration"),
        ("CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"}, "Cannot create already existing endpoint"),
        (
            "CreateEndpointConfig",
            {"EndpointConfigName": "n", "ProductionVariants": [VARIANT | {"ModelName": "x"}]},
            "Could not find model",
        ),
        ("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"}, "Cannot update in-progress endpoint"),
    ],
)
def test_refusals_are_worded_as_clients_match_them(
    asker: Asker, endpoint: str, operation: str, members: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused) as refused:
        asker.call(operation, **members)
    assert refused.value.code == "ValidationException"
    assert words in refused.value.message


def test_a_deleted_endpoint_is_deleting_until_its_servers_are_gone(asker: Asker, endpoint: str) -> None:
    asker.call("DeleteEndpointConfig", EndpointConfigName="c")
    asker.call("DeleteEndpoint", EndpointName="e")
    assert asker.call("DescribeEndpoint", EndpointName="e")["EndpointStatus"] == "Deleting"


@pytest.mark.parametrize("body", [b"1", b""])
def test_an_endpoint_that_is_not_there_is_not_invoked(asker: Asker, body: bytes) -> None:
    answer = asker.ask("POST", "/endpoints/none/invocations", body=body)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationError")
    assert b"Endpoint none of account 123456789012 not found." in answer.body


def test_capacities_change_what_serves_not_an_update_that_was_rolled_back(asker: Asker, endpoint: str) -> None:
    store = asker.server.storage.store
    record = store.get(KEY)
    assert record is not None
    members = ("generation", "config", "models", "EndpointConfigName")
    serves = {member: record.spec[member] for member in members}
    failed = {**record.spec, "generation": 2, "EndpointConfigName": "broken", "config": {"ProductionVariants": []}}
    status = {**record.status, "current": serves, "abandoned": 2}
    store.update(replace(record, spec=failed, status=status, state="InService"))
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}]
    asker.call("UpdateEndpointWeightsAndCapacities", EndpointName="e", DesiredWeightsAndCapacities=wanted)
    record = store.get(KEY)
    assert record is not None
    assert (record.state, record.spec["EndpointConfigName"], record.spec["generation"]) == ("Updating", "c", 1)
    assert record.spec["config"]["ProductionVariants"][0]["InitialInstanceCount"] == 3


def serve(asker: Asker) -> None:
    """What the controller would come to."""
    record = asker.server.storage.store.get(KEY)
    assert record is not None
    variants = [
        {"VariantName": each["VariantName"], "DesiredWeight": 3.0, "DesiredInstanceCount": 4}
        for each in record.spec["config"]["ProductionVariants"]
    ]
    asker.server.storage.store.update(
        replace(record, state="InService", status={**record.status, "ProductionVariants": variants})
    )


CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "WaitIntervalInSeconds": 0,
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
        }
    }
}


def test_the_last_deployment_configuration_is_told_and_may_be_retained(asker: Asker, endpoint: str) -> None:
    serve(asker)
    asker.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="c", DeploymentConfig=CANARY)
    assert asker.call("DescribeEndpoint", EndpointName="e")["LastDeploymentConfig"] == CANARY
    serve(asker)
    asker.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="c", RetainDeploymentConfig=True)
    assert asker.call("DescribeEndpoint", EndpointName="e")["LastDeploymentConfig"] == CANARY
    serve(asker)
    asker.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="c")
    assert "LastDeploymentConfig" not in asker.call("DescribeEndpoint", EndpointName="e")


@pytest.mark.parametrize("operation", ["CreateEndpoint", "UpdateEndpoint"])
def test_deployments_that_cannot_be_are_refused(asker: Asker, endpoint: str, operation: str) -> None:
    serve(asker)
    name = "new" if operation == "CreateEndpoint" else "e"
    watched = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "none"}]}}
    large = {
        "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 2}, "WaitIntervalInSeconds": 0}
    }
    for config, words in ((watched, "The CloudWatch alarm none"), (large, "MaximumBatchSize must be 5 to 50 percent")):
        with pytest.raises(Refused) as refused:
            asker.call(operation, EndpointName=name, EndpointConfigName="c", DeploymentConfig=config)
        assert refused.value.code == "ValidationException"
        assert words in refused.value.message


@pytest.mark.parametrize(
    ("excluded", "count", "weight"),
    [([], 4, 3.0), (["DesiredInstanceCount"], 1, 3.0), (["DesiredWeight", "DataCaptureConfig"], 4, None)],
)
def test_what_variants_have_now_may_be_retained(
    asker: Asker, endpoint: str, excluded: list[str], count: int, weight: float | None
) -> None:
    serve(asker)
    asker.call(
        "UpdateEndpoint",
        EndpointName="e",
        EndpointConfigName="c",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": each} for each in excluded],
    )
    record = asker.server.storage.store.get(KEY)
    assert record is not None
    (variant,) = record.spec["config"]["ProductionVariants"]
    assert (variant["InitialInstanceCount"], variant.get("InitialVariantWeight")) == (count, weight)


def test_a_shadow_is_described_and_resized(asker: Asker, endpoint: str) -> None:
    shadow = VARIANT | {"VariantName": "Shadow", "InitialVariantWeight": 0.5}
    asker.call(
        "CreateEndpointConfig", EndpointConfigName="s", ProductionVariants=[VARIANT], ShadowProductionVariants=[shadow]
    )
    assert asker.call("DescribeEndpointConfig", EndpointConfigName="s")["ShadowProductionVariants"] == [shadow]
    serve(asker)
    asker.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="s")
    serve(asker)
    wanted = [{"VariantName": "Shadow", "DesiredWeight": 0.25}]
    asker.call("UpdateEndpointWeightsAndCapacities", EndpointName="e", DesiredWeightsAndCapacities=wanted)
    record = asker.server.storage.store.get(KEY)
    assert record is not None
    assert record.spec["config"]["ShadowProductionVariants"][0]["InitialVariantWeight"] == 0.25


@pytest.mark.parametrize(
    ("production", "shadows", "words"),
    [
        (["a", "b"], ["s"], "give one production variant and one shadow variant"),
        (["a"], ["s", "t"], "give one production variant and one shadow variant"),
        (["a"], ["a"], "must be unique"),
    ],
)
def test_shadows_that_cannot_be_are_refused(
    asker: Asker, endpoint: str, production: list[str], shadows: list[str], words: str
) -> None:
    lists = {
        member: [VARIANT | {"VariantName": name} for name in names]
        for member, names in (("ProductionVariants", production), ("ShadowProductionVariants", shadows))
    }
    with pytest.raises(Refused) as refused:
        asker.call("CreateEndpointConfig", EndpointConfigName="s", **lists)
    assert words in refused.value.message
