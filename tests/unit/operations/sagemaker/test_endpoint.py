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
    store = asker.server.store
    key = Key("123456789012", "us-east-1", "endpoint", "", "e")
    record = store.get(key)
    assert record is not None
    members = ("generation", "config", "models", "EndpointConfigName")
    serves = {member: record.spec[member] for member in members}
    failed = {**record.spec, "generation": 2, "EndpointConfigName": "broken", "config": {"ProductionVariants": []}}
    status = {**record.status, "current": serves, "abandoned": 2}
    store.update(replace(record, spec=failed, status=status, state="InService"))
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}]
    asker.call("UpdateEndpointWeightsAndCapacities", EndpointName="e", DesiredWeightsAndCapacities=wanted)
    record = store.get(key)
    assert record is not None
    assert (record.state, record.spec["EndpointConfigName"], record.spec["generation"]) == ("Updating", "c", 1)
    assert record.spec["config"]["ProductionVariants"][0]["InitialInstanceCount"] == 3
