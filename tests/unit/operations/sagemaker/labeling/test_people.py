from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

OIDC = {
    "ClientId": "id",
    "ClientSecret": "secret",
    "Issuer": "https://a",
    "AuthorizationEndpoint": "https://a",
    "TokenEndpoint": "https://a",
    "UserInfoEndpoint": "https://a",
    "LogoutEndpoint": "https://a",
    "JwksUri": "https://a",
}
MEMBERS = [{"OidcMemberDefinition": {"Groups": ["g"]}}]


@pytest.fixture
def workforce(asker: Asker) -> str:
    made: str = asker.call("CreateWorkforce", WorkforceName="people", OidcConfig=OIDC)["WorkforceArn"]
    return made


@pytest.fixture
def workteam(asker: Asker, workforce: str) -> str:
    members = {"WorkteamName": "team", "Description": "d", "MemberDefinitions": MEMBERS}
    made: str = asker.call("CreateWorkteam", **members)["WorkteamArn"]
    return made


@pytest.mark.usefixtures("workforce")
def test_the_secret_of_a_workforce_is_told_to_nobody(asker: Asker) -> None:
    told = asker.call("DescribeWorkforce", WorkforceName="people")["Workforce"]
    assert told["OidcConfig"]["ClientId"] == "id"
    assert "secret" not in str(told) + str(asker.call("ListWorkforces"))


@pytest.mark.usefixtures("workforce")
def test_there_is_one_workforce_in_a_region(asker: Asker) -> None:
    with pytest.raises(Refused) as refused:
        asker.call("CreateWorkforce", WorkforceName="more", OidcConfig=OIDC)
    assert refused.value.code == "ResourceLimitExceeded"


def test_a_team_belongs_to_the_regions_workforce(asker: Asker, workteam: str, workforce: str) -> None:
    team = asker.call("DescribeWorkteam", WorkteamName="team")["Workteam"]
    assert (team["WorkforceArn"], team["WorkteamArn"]) == (workforce, workteam)
    assert workteam.endswith(":workteam/private-crowd/team")
    with pytest.raises(Refused, match="has work teams"):
        asker.call("DeleteWorkforce", WorkforceName="people")
    assert asker.call("DeleteWorkteam", WorkteamName="team") == {"Success": True}
    asker.call("DeleteWorkforce", WorkforceName="people")
    with pytest.raises(Refused, match="No workforce with name people"):
        asker.call("DescribeWorkforce", WorkforceName="people")


def test_members_sign_in_in_one_way(asker: Asker) -> None:
    cognito: dict[str, Any] = {"CognitoMemberDefinition": {"UserPool": "p_a", "UserGroup": "g", "ClientId": "c"}}
    with pytest.raises(Refused, match="sign in the same way"):
        asker.call("CreateWorkteam", WorkteamName="t", Description="d", MemberDefinitions=[*MEMBERS, cognito])


def test_a_review_needs_its_team_and_its_page(asker: Asker, workteam: str, role: str) -> None:
    page = asker.call("CreateHumanTaskUi", HumanTaskUiName="page", UiTemplate={"Content": "<p>"})["HumanTaskUiArn"]
    loop = {
        "WorkteamArn": workteam,
        "HumanTaskUiArn": page,
        "TaskTitle": "t",
        "TaskDescription": "d",
        "TaskCount": 1,
    }
    flow = {"OutputConfig": {"S3OutputPath": "s3://bucket/out"}, "RoleArn": role}
    wrong = {**loop, "HumanTaskUiArn": page + "x"}
    with pytest.raises(Refused, match="does not exist"):
        asker.call("CreateFlowDefinition", FlowDefinitionName="flow", HumanLoopConfig=wrong, **flow)
    asker.call("CreateFlowDefinition", FlowDefinitionName="flow", HumanLoopConfig=loop, **flow)
    assert asker.call("DescribeFlowDefinition", FlowDefinitionName="flow")["FlowDefinitionStatus"] == "Active"
    for operation, name in (("DeleteWorkteam", "team"), ("DeleteHumanTaskUi", "page")):
        with pytest.raises(Refused, match="is used by a flow definition"):
            asker.call(operation, **{operation.removeprefix("Delete") + "Name": name})
    asker.call("DeleteFlowDefinition", FlowDefinitionName="flow")
    asker.call("DeleteHumanTaskUi", HumanTaskUiName="page")


def test_the_template_is_told_by_its_fingerprint(asker: Asker) -> None:
    asker.call("CreateHumanTaskUi", HumanTaskUiName="page", UiTemplate={"Content": "abc"})
    told = asker.call("DescribeHumanTaskUi", HumanTaskUiName="page")["UiTemplate"]
    assert told == {"ContentSha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
