"""What whoever authorizes is told of a principal."""

from __future__ import annotations

import pytest

from sagewright.operations.call import Principal, Session
from sagewright.operations.iam.attached import documents
from sagewright.testing.policies import allowing, trusting
from sagewright.testing.world import Client, World

ACCOUNT = "123456789012"
FULL = "arn:aws:iam::aws:policy/AmazonS3FullAccess"


@pytest.fixture
def ann(iam: Client) -> Principal:
    """A user with policies of every kind, in a group that has some."""
    made = iam.create_user(UserName="ann", Path="/team/", Tags=[{"Key": "team", "Value": "a"}])["User"]
    own = iam.create_policy(PolicyName="p", PolicyDocument=allowing("sqs:*"))["Policy"]["Arn"]
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="ann")
    iam.attach_group_policy(GroupName="g", PolicyArn=FULL)
    iam.put_group_policy(GroupName="g", PolicyName="i", PolicyDocument=allowing("sns:*"))
    iam.attach_user_policy(UserName="ann", PolicyArn=own)
    iam.put_user_policy(UserName="ann", PolicyName="i", PolicyDocument=allowing("sts:*"))
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=own)
    return Principal(ACCOUNT, made["Arn"], made["UserId"], "user")


def test_a_users_come_from_itself_and_its_groups(world: World, ann: Principal) -> None:
    told = documents(world.services.store, ACCOUNT, ann)
    assert [(source.id, source.type) for source in told.identity] == [
        ("p", "user-managed"),
        ("user_ann_i", "user"),
        ("AmazonS3FullAccess", "aws-managed"),
        ("group_g_i", "group"),
    ]
    assert told.identity[1].text == allowing("sts:*")
    assert told.boundary is not None
    assert (told.boundary.id, told.tags) == ("p", {"team": "a"})


def test_the_version_that_counts_counts(world: World, iam: Client, ann: Principal) -> None:
    iam.create_policy_version(
        PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/p", PolicyDocument=allowing("ecr:*"), SetAsDefault=True
    )
    told = documents(world.services.store, ACCOUNT, ann)
    assert told.identity[0].text == allowing("ecr:*")
    assert told.boundary is not None
    assert told.boundary.text == allowing("ecr:*")


def test_a_name_that_is_back_is_somebody_else(world: World, iam: Client) -> None:
    def make() -> str:
        trust = trusting(Service="sagemaker.amazonaws.com")
        made = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]
        iam.attach_role_policy(RoleName="r", PolicyArn=FULL)
        return str(made["Arn"])

    store = world.services.store
    before = world.services.credentials.issue(make(), "me").principal
    assert [source.id for source in documents(store, ACCOUNT, before).identity] == ["AmazonS3FullAccess"]
    iam.detach_role_policy(RoleName="r", PolicyArn=FULL)
    iam.delete_role(RoleName="r")
    assert documents(store, ACCOUNT, before).identity == ()
    make()
    assert documents(store, ACCOUNT, before).identity == ()


def test_a_federated_user_has_what_its_issuer_has(world: World, ann: Principal) -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    session = Session(world.clock.now(), issuer=ann)
    bob = Principal(ACCOUNT, arn, f"{ACCOUNT}:bob", "federated", session)
    store = world.services.store
    assert documents(store, ACCOUNT, bob) == documents(store, ACCOUNT, ann)


def test_root_has_none_and_whom_it_vouches_for_has_all(world: World) -> None:
    assert documents(world.services.store, ACCOUNT, world.principal).identity == ()
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    session = Session(world.clock.now(), issuer=world.principal)
    bob = Principal(ACCOUNT, arn, f"{ACCOUNT}:bob", "federated", session)
    (every,) = documents(world.services.store, ACCOUNT, bob).identity
    assert '"Action":"*"' in every.text
