"""Groups and memberships."""

from __future__ import annotations

import pytest

from sagewright.testing.policies import allowing, refusal
from sagewright.testing.world import Client


@pytest.fixture
def members(iam: Client) -> list[str]:
    """A group `g` of two users."""
    iam.create_group(GroupName="g", Path="/team/")
    for name in ("ann", "bob"):
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="g", UserName=name)
    return ["ann", "bob"]


def test_who_is_in_a_group(iam: Client, members: list[str]) -> None:
    iam.add_user_to_group(GroupName="g", UserName="ann")
    told = iam.get_group(GroupName="g")
    assert told["Group"]["Arn"] == "arn:aws:iam::123456789012:group/team/g"
    assert [user["UserName"] for user in told["Users"]] == members
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="ann")["Groups"]] == ["g"]
    assert [group["GroupName"] for group in iam.list_groups(PathPrefix="/team/")["Groups"]] == ["g"]
    iam.remove_user_from_group(GroupName="g", UserName="ann")
    assert iam.list_groups_for_user(UserName="ann")["Groups"] == []
    assert refusal(iam.add_user_to_group, GroupName="none", UserName="ann")[0] == "NoSuchEntity"
    assert refusal(iam.add_user_to_group, GroupName="g", UserName="none")[0] == "NoSuchEntity"


def test_members_are_told_in_pages(iam: Client, members: list[str]) -> None:
    first = iam.get_group(GroupName="g", MaxItems=1)
    rest = iam.get_group(GroupName="g", MaxItems=1, Marker=first["Marker"])
    assert [user["UserName"] for user in (*first["Users"], *rest["Users"])] == members


def test_a_new_name_keeps_the_members(iam: Client, members: list[str]) -> None:
    iam.update_group(GroupName="g", NewGroupName="h", NewPath="/")
    told = iam.get_group(GroupName="h")
    assert (told["Group"]["Arn"], len(told["Users"])) == ("arn:aws:iam::123456789012:group/h", 2)
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="bob")["Groups"]] == ["h"]
    assert refusal(iam.get_group, GroupName="g")[0] == "NoSuchEntity"
    iam.create_group(GroupName="other")
    assert refusal(iam.update_group, GroupName="h", NewGroupName="Other")[0] == "EntityAlreadyExists"


def test_a_group_that_has_something_is_not_deleted(iam: Client, members: list[str]) -> None:
    assert refusal(iam.delete_group, GroupName="g")[2] == "Cannot delete entity, must remove users from group first."
    for name in members:
        iam.remove_user_from_group(GroupName="g", UserName=name)
    iam.put_group_policy(GroupName="g", PolicyName="i", PolicyDocument=allowing("s3:*"))
    assert refusal(iam.delete_group, GroupName="g")[0] == "DeleteConflict"
    iam.delete_group_policy(GroupName="g", PolicyName="i")
    iam.delete_group(GroupName="g")


def test_a_user_is_in_ten_groups_at_most(iam: Client) -> None:
    iam.create_user(UserName="ann")
    for number in range(11):
        iam.create_group(GroupName=f"g{number}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"g{number}", UserName="ann")
    assert refusal(iam.add_user_to_group, GroupName="g10", UserName="ann")[0] == "LimitExceeded"
