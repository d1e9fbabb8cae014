from __future__ import annotations

import json

import pytest

from sagewright.testing.asker import Asker, Refused

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "sagemaker:InvokeEndpoint", "Resource": "*"},
        ],
    }
)


@pytest.fixture(autouse=True)
def endpoint(asker: Asker, role: str) -> None:
    asker.call("CreateModel", ModelName="m", PrimaryContainer={"Image": "image"}, ExecutionRoleArn=role)
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    asker.call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant])
    asker.call("CreateEndpoint", EndpointName="e", EndpointConfigName="c")


def test_a_policy_is_put_read_and_taken_away(asker: Asker) -> None:
    asker.call("PutEndpointPolicy", EndpointName="e", ResourcePolicy=POLICY)
    assert asker.call("GetEndpointPolicy", EndpointName="e")["ResourcePolicy"] == POLICY
    asker.call("DeleteEndpointPolicy", EndpointName="e")
    with pytest.raises(Refused, match="Cannot find resource policy"):
        asker.call("GetEndpointPolicy", EndpointName="e")


@pytest.mark.parametrize("wrong", ["{", '{"Statement": []}', POLICY.replace('"Principal": "*", ', "")])
def test_what_is_no_resource_policy_is_refused(asker: Asker, wrong: str) -> None:
    with pytest.raises(Refused, match="Invalid resource policy"):
        asker.call("PutEndpointPolicy", EndpointName="e", ResourcePolicy=wrong)
