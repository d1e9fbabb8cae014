from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

pytestmark = pytest.mark.usefixtures("everything_built")


@pytest.fixture
def request_(role: str) -> dict[str, Any]:
    return {"Name": "runs", "ArtifactStoreUri": "s3://b/a", "RoleArn": role}


def test_apps_are_found_by_arn(asker: Asker, request_: dict[str, Any]) -> None:
    arn = asker.call("CreateMlflowApp", **request_)["Arn"]
    assert asker.call("UpdateMlflowApp", Arn=arn, Name="more", AccountDefaultStatus="ENABLED") == {"Arn": arn}
    described = asker.call("DescribeMlflowApp", Arn=arn)
    assert (described["Arn"], described["Name"], described["Status"]) == (arn, "more", "Creating")
    asker.call("AddTags", ResourceArn=arn, Tags=[{"Key": "team", "Value": "a"}])
    assert asker.call("ListTags", ResourceArn=arn)["Tags"]
    assert asker.call("DeleteMlflowApp", Arn=arn) == {"Arn": arn}
    with pytest.raises(Refused, match="does not exist") as caught:
        asker.call("DescribeMlflowApp", Arn=arn)
    assert caught.value.code == "ResourceNotFound"


def test_apps_are_listed_by_name_and_what_they_are_the_default_of(asker: Asker, request_: dict[str, Any]) -> None:
    domain = asker.call("CreateDomain", DomainName="d", AuthMode="IAM", DefaultUserSettings={})["DomainId"]
    asker.call("CreateMlflowApp", **(request_ | {"Name": "b", "DefaultDomainIdList": [domain]}))
    asker.call("CreateMlflowApp", **(request_ | {"Name": "a", "AccountDefaultStatus": "ENABLED"}))

    def names(**filters: str) -> list[str]:
        found = asker.call("ListMlflowApps", SortBy="Name", SortOrder="Ascending", **filters)["Summaries"]
        return [each["Name"] for each in found]

    assert names() == ["a", "b"]
    assert names(DefaultForDomainId=domain) == ["b"]
    assert names(AccountDefaultStatus="ENABLED") == ["a"]
    with pytest.raises(Refused, match=r"Domain \[d-none\] does not exist"):
        asker.call("CreateMlflowApp", **(request_ | {"DefaultDomainIdList": ["d-none"]}))
