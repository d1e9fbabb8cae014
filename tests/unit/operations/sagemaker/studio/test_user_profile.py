import pytest

from sagewright.testing.asker import Asker, Refused


def test_a_profile_stands_in_its_domain(asker: Asker, domain: str) -> None:
    described = asker.call("DescribeUserProfile", DomainId=domain, UserProfileName="Ada")
    assert described["UserProfileArn"].endswith(f":user-profile/{domain}/ada")
    assert described["Status"] == "InService"
    assert "UserSettings" not in described
    with pytest.raises(Refused, match="already exists") as caught:
        asker.call("CreateUserProfile", DomainId=domain, UserProfileName="Ada")
    assert caught.value.code == "ResourceInUse"


def test_profiles_are_listed_by_domain_and_part_of_the_name(asker: Asker, domain: str) -> None:
    other = asker.call("CreateDomain", DomainName="b", AuthMode="IAM", DefaultUserSettings={})["DomainId"]
    for where, name in ((domain, "Grace"), (other, "Ada")):
        asker.call("CreateUserProfile", DomainId=where, UserProfileName=name)

    def listed(**how: str) -> list[tuple[bool, str]]:
        profiles = asker.call("ListUserProfiles", SortBy="CreationTime", SortOrder="Ascending", **how)["UserProfiles"]
        return sorted((each["DomainId"] == domain, each["UserProfileName"]) for each in profiles)

    assert listed() == [(False, "Ada"), (True, "Ada"), (True, "Grace")]
    assert listed(DomainIdEquals=domain, UserProfileNameContains="gra") == [(True, "Grace")]


def test_settings_are_updated_member_by_member(asker: Asker, domain: str, role: str) -> None:
    name = {"DomainId": domain, "UserProfileName": "Ada"}
    asker.call("UpdateUserProfile", **name, UserSettings={"SecurityGroups": ["sg-1"]})
    asker.call("UpdateUserProfile", **name, UserSettings={"ExecutionRole": role})
    described = asker.call("DescribeUserProfile", **name)
    assert described["UserSettings"] == {"SecurityGroups": ["sg-1"], "ExecutionRole": role}


def test_a_profile_that_owns_a_space_is_kept(asker: Asker, domain: str) -> None:
    asker.call(
        "CreateSpace",
        DomainId=domain,
        SpaceName="mine",
        OwnershipSettings={"OwnerUserProfileName": "Ada"},
        SpaceSharingSettings={"SharingType": "Private"},
    )
    with pytest.raises(Refused, match="has spaces") as caught:
        asker.call("DeleteUserProfile", DomainId=domain, UserProfileName="Ada")
    assert caught.value.code == "ResourceInUse"


def test_a_profile_needs_a_domain(asker: Asker) -> None:
    with pytest.raises(Refused, match=r"Domain \[d-none\] does not exist") as caught:
        asker.call("CreateUserProfile", DomainId="d-none", UserProfileName="Ada")
    assert caught.value.code == "ResourceNotFound"


def test_a_profile_has_tags(asker: Asker, domain: str) -> None:
    arn = asker.call("DescribeUserProfile", DomainId=domain, UserProfileName="Ada")["UserProfileArn"]
    asker.call("AddTags", ResourceArn=arn, Tags=[{"Key": "team", "Value": "a"}])
    assert asker.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
