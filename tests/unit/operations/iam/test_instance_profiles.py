"""Instance profiles."""

from __future__ import annotations

from sagewright.testing.policies import refusal, trusting
from sagewright.testing.world import Client

NAME = {"InstanceProfileName": "machines"}
WITH = {**NAME, "RoleName": "machine"}


def test_a_profile_holds_one_role(iam: Client) -> None:
    role = iam.create_role(RoleName="machine", AssumeRolePolicyDocument=trusting(Service="ec2.amazonaws.com"))["Role"]
    made = iam.create_instance_profile(**NAME, Path="/team/", Tags=[{"Key": "a", "Value": "1"}])["InstanceProfile"]
    assert made["Arn"] == "arn:aws:iam::123456789012:instance-profile/team/machines"
    assert (made["InstanceProfileId"][:4], made["Roles"]) == ("AIPA", [])
    iam.add_role_to_instance_profile(**WITH)
    assert refusal(iam.add_role_to_instance_profile, **WITH)[0] == "LimitExceeded"
    found = iam.get_instance_profile(**NAME)["InstanceProfile"]
    assert [each["Arn"] for each in found["Roles"]] == [role["Arn"]]
    assert iam.list_instance_profiles_for_role(RoleName="machine")["InstanceProfiles"] == [found]
    assert iam.list_instance_profiles(PathPrefix="/team/")["InstanceProfiles"] == [found]
    assert iam.list_instance_profiles(PathPrefix="/other/")["InstanceProfiles"] == []
    assert refusal(iam.delete_role, RoleName="machine")[0] == "DeleteConflict"
    assert refusal(iam.delete_instance_profile, **NAME)[0] == "DeleteConflict"
    iam.remove_role_from_instance_profile(**WITH)
    assert refusal(iam.remove_role_from_instance_profile, **WITH)[0] == "NoSuchEntity"
    iam.delete_instance_profile(**NAME)
    iam.delete_role(RoleName="machine")
    assert refusal(iam.get_instance_profile, **NAME)[2] == "Instance Profile machines cannot be found."


def test_profiles_have_tags(iam: Client) -> None:
    iam.create_instance_profile(**NAME)
    iam.tag_instance_profile(**NAME, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_instance_profile(**NAME, TagKeys=["A"])
    assert iam.list_instance_profile_tags(**NAME)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert refusal(iam.create_instance_profile, InstanceProfileName="Machines")[0] == "EntityAlreadyExists"
