from dataclasses import replace
from typing import Any

import pytest

from sagewright.operations.sagemaker import nouns
from sagewright.testing.asker import Asker, Refused


@pytest.fixture
def request_(role: str) -> dict[str, Any]:
    return {"Name": "runs", "ArtifactStoreUri": "s3://b/a", "RoleArn": role}


def test_apps_are_found_by_arn(asker: Asker, request_: dict[str, Any]) -> None:
    arn = asker.call("CreateMlflowApp", **request_)["Arn"]
    with pytest.raises(Refused, match="is in status Creating: it cannot update now"):
        asker.call("UpdateMlflowApp", Arn=arn, Name="more")
    store = asker.server.storage.store
    record = nouns.find_by_arn(store, arn, "123456789012")
    assert record is not None
    store.update(replace(record, state="Created"))
    assert asker.call("UpdateMlflowApp", Arn=arn, Name="more", AccountDefaultStatus="ENABLED") == {"Arn": arn}
    described = asker.call("DescribeMlflowApp", Arn=arn)
    assert (described["Arn"], described["Name"], described["Status"]) == (arn, "more", "Updating")
    assert described["ModelRegistrationMode"] == "AutoModelRegistrationDisabled"
    asker.call("AddTags", ResourceArn=arn, Tags=[{"Key": "team", "Value": "a"}])
    assert asker.call("ListTags", ResourceArn=arn)["Tags"]
    with pytest.raises(Refused, match="does not answer"):
        asker.call("CreatePresignedMlflowAppUrl", Arn=arn)
    assert asker.call("DeleteMlflowApp", Arn=arn) == {"Arn": arn}
    assert asker.call("DescribeMlflowApp", Arn=arn)["Status"] == "Deleting"
    with pytest.raises(Refused, match="does not exist") as caught:
        asker.call("DescribeMlflowApp", Arn=arn + "x")
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
