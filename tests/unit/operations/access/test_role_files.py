"""What a job gets and leaves is what its role may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.access.role_files import RoleFiles

from .conftest import ACCOUNT, TRUST, Realm, document

BOX = "arn:aws:s3:::box"


@pytest.fixture
def files(realm: Realm, tmp_path: Path) -> Callable[[str], RoleFiles]:
    objects = realm.world.services.objects
    objects.buckets.create("box", region="us-east-1")
    source = tmp_path / "source"
    source.write_bytes(b"data")
    objects.put_file("box", "in/a", source)
    return lambda role: RoleFiles(realm.world.services, f"arn:aws:iam::{ACCOUNT}:role/{role}", "us-east-1")


def refused(question: Callable[[], object]) -> str:
    with pytest.raises(AwsError) as caught:
        question()
    return str(caught.value)


def test_a_role_lists_reads_and_writes_what_it_may(
    realm: Realm, files: Callable[[str], RoleFiles], tmp_path: Path
) -> None:
    listing = {"Action": "s3:ListBucket", "Resource": BOX, "Condition": {"StringLike": {"s3:prefix": "in/*"}}}
    realm.role("r", listing, {"Action": "s3:GetObject", "Resource": f"{BOX}/in/*"})
    own = files("r")
    assert [key for key, _, _ in own.list("box", "in/")] == ["in/a"]
    own.materialise("box", "in/a", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == b"data"
    whom = f"AccessDenied: User: arn:aws:sts::{ACCOUNT}:assumed-role/r/SageMaker is not authorized to perform: "
    why = "because no identity-based policy allows the "
    told = refused(lambda: own.put_file("box", "out/m", tmp_path / "got"))
    assert told == f'{whom}s3:PutObject on resource: "{BOX}/out/m" {why}s3:PutObject action'
    assert f'{whom}s3:ListBucket on resource: "{BOX}"' in refused(lambda: own.list("box", ""))
    assert "s3:GetObject" in refused(lambda: own.materialise("box", "other", tmp_path / "x"))
    assert not (tmp_path / "x").exists()


def test_what_is_taken_away_counts_at_once(realm: Realm, files: Callable[[str], RoleFiles], tmp_path: Path) -> None:
    realm.role("r", {"Action": "s3:*"})
    files("r").materialise("box", "in/a", tmp_path / "got")
    realm.world.client("iam").delete_role_policy(RoleName="r", PolicyName="own")
    assert "s3:GetObject" in refused(lambda: files("r").materialise("box", "in/a", tmp_path / "again"))


def test_a_buckets_policy_counts(realm: Realm, files: Callable[[str], RoleFiles], tmp_path: Path) -> None:
    realm.role("r", {"Action": "s3:*"})
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{BOX}/*"}
    call = realm.call(realm.world.principal, "s3", "PutBucketPolicy")
    realm.world.services.objects.buckets.configure("box", lambda _: {"Policy": document(deny)})
    asyncio.run(realm.world.services.gate.authorize(call, {"Bucket": "box"}))
    told = refused(lambda: files("r").materialise("box", "in/a", tmp_path / "got"))
    assert told.endswith("with an explicit deny in a resource-based policy")


def test_a_role_that_sagemaker_may_not_take_on_reads_nothing(
    realm: Realm, files: Callable[[str], RoleFiles], tmp_path: Path
) -> None:
    assert "Could not assume role" in refused(lambda: files("none").materialise("box", "in/a", tmp_path / "got"))
    realm.role("r", {"Action": "s3:*"})
    realm.world.client("iam").update_assume_role_policy(
        RoleName="r", PolicyDocument=TRUST.replace("sagemaker.amazonaws.com", "lambda.amazonaws.com")
    )
    assert "Could not assume role" in refused(lambda: files("r").materialise("box", "in/a", tmp_path / "got"))
