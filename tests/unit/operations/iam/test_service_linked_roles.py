"""Roles that belong to services."""

from __future__ import annotations

import pytest

from sagewright.operations.iam import managed
from sagewright.operations.iam.service_linked_roles import _SERVICES
from sagewright.testing.policies import refusal, trusting
from sagewright.testing.world import Client

SCALING = "sagemaker.application-autoscaling.amazonaws.com"
ROLE = {"RoleName": "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"}


def test_a_services_role_is_the_services(iam: Client) -> None:
    made = iam.create_service_linked_role(AWSServiceName=SCALING)["Role"]
    assert made["Arn"] == f"arn:aws:iam::123456789012:role/aws-service-role/{SCALING}/{ROLE['RoleName']}"
    attached = iam.list_attached_role_policies(**ROLE)["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["AWSApplicationAutoscalingSageMakerEndpointPolicy"]
    again = refusal(iam.create_service_linked_role, AWSServiceName=SCALING)
    assert again[:2] == ("InvalidInput", 400)
    for question, members in (
        (iam.delete_role, {}),
        (iam.attach_role_policy, {"PolicyArn": attached[0]["PolicyArn"]}),
        (iam.update_assume_role_policy, {"PolicyDocument": trusting(Service="ec2.amazonaws.com")}),
        (iam.update_role, {"MaxSessionDuration": 7200}),
    ):
        assert refusal(question, **ROLE, **members)[0] == "UnmodifiableEntity"
    iam.update_role(**ROLE, Description="for endpoints")
    assert iam.get_role(**ROLE)["Role"]["Description"] == "for endpoints"


def test_its_deletion_is_asked_for(iam: Client) -> None:
    iam.create_service_linked_role(AWSServiceName=SCALING)
    task = iam.delete_service_linked_role(**ROLE)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/{SCALING}/{ROLE['RoleName']}/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert refusal(iam.get_role, **ROLE)[0] == "NoSuchEntity"
    assert refusal(iam.get_service_linked_role_deletion_status, DeletionTaskId=task + "x")[0] == "NoSuchEntity"
    iam.create_service_linked_role(AWSServiceName=SCALING)


def test_what_is_no_services_role(iam: Client) -> None:
    assert refusal(iam.create_service_linked_role, AWSServiceName="mine.example.com")[0] == "InvalidInput"
    assert refusal(iam.create_service_linked_role, AWSServiceName=SCALING, CustomSuffix="a")[0] == "InvalidInput"
    assert refusal(iam.delete_service_linked_role, RoleName="SagewrightExecutionRole")[0] == "NoSuchEntity"
    trust = trusting(Service="ec2.amazonaws.com")
    mine = refusal(iam.create_role, RoleName="r", Path="/aws-service-role/x/", AssumeRolePolicyDocument=trust)
    assert mine[0] == "ValidationError"


@pytest.mark.parametrize("service", _SERVICES)
def test_every_services_policy_is_there(service: str) -> None:
    names = {policy.name for policy in managed.aws_managed().values()}
    assert _SERVICES[service].policy in names
