import pytest

from sagewright.testing.asker import Asker, Refused

IMAGE = {"ImageName": "a", "AppImageConfigName": "b"}


def test_a_domain_is_in_service_at_once_and_says_only_what_is_so(asker: Asker, domain: str, role: str) -> None:
    described = asker.call("DescribeDomain", DomainId=domain)
    assert described["Status"] == "InService"
    assert described["DefaultUserSettings"] == {"ExecutionRole": role}
    assert described["AppNetworkAccessType"] == "PublicInternetOnly"
    assert not {"Url", "HomeEfsFileSystemId", "VpcId", "DomainSettings"} & set(described)


def test_an_update_leaves_what_it_does_not_mention(asker: Asker, domain: str, role: str) -> None:
    asker.call(
        "UpdateDomain",
        DomainId=domain,
        DefaultUserSettings={"SecurityGroups": ["sg-1"]},
        DomainSettingsForUpdate={"SecurityGroupIds": ["sg-2"]},
    )
    described = asker.call("DescribeDomain", DomainId=domain)
    assert described["DefaultUserSettings"] == {"ExecutionRole": role, "SecurityGroups": ["sg-1"]}
    assert described["DomainSettings"] == {"SecurityGroupIds": ["sg-2"]}


def test_two_domains_may_have_one_name(asker: Asker, domain: str) -> None:
    again = asker.call("CreateDomain", DomainName="team", AuthMode="IAM", DefaultUserSettings={})
    assert again["DomainId"] != domain
    assert len(asker.call("ListDomains")["Domains"]) == 2


def test_a_domain_with_users_is_kept(asker: Asker, domain: str) -> None:
    with pytest.raises(Refused, match="user profiles") as caught:
        asker.call("DeleteDomain", DomainId=domain)
    assert caught.value.code == "ResourceInUse"
    asker.call("DeleteUserProfile", DomainId=domain, UserProfileName="Ada")
    asker.call("DeleteDomain", DomainId=domain, RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    with pytest.raises(Refused, match="does not exist") as caught:
        asker.call("DescribeDomain", DomainId=domain)
    assert caught.value.code == "ResourceNotFound"


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"AuthMode": "SSO"}, "Identity Center"),
        ({"AppNetworkAccessType": "VpcOnly"}, "VpcId"),
        ({"DefaultUserSettings": {"ExecutionRole": "arn:aws:iam::123456789012:role/nobody"}}, "assume role"),
        ({"DefaultUserSettings": {"KernelGatewayAppSettings": {"CustomImages": [IMAGE]}}}, "does not exist"),
    ],
)
def test_what_cannot_be_is_refused(asker: Asker, members: dict[str, object], sentence: str) -> None:
    request = {"DomainName": "team", "AuthMode": "IAM", "DefaultUserSettings": {}}
    with pytest.raises(Refused, match=sentence):
        asker.call("CreateDomain", **(request | members))
    assert asker.call("ListDomains")["Domains"] == []


def test_images_of_other_accounts_are_taken_as_they_are(asker: Asker) -> None:
    spec = {"SageMakerImageArn": "arn:aws:sagemaker:us-east-1:081325390199:image/datascience-1.0"}
    settings = {"KernelGatewayAppSettings": {"DefaultResourceSpec": spec}}
    assert asker.call("CreateDomain", DomainName="team", AuthMode="IAM", DefaultUserSettings=settings)["DomainId"]
