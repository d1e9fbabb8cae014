import json

import pytest

from sagewright.testing.asker import Asker, Refused

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                "Action": "sagemaker:DescribeModelPackage",
                "Resource": "*",
            }
        ],
    }
)


@pytest.fixture
def group(asker: Asker) -> str:
    asker.call("CreateModelPackageGroup", ModelPackageGroupName="houses", ModelPackageGroupDescription="prices")
    return "houses"


def test_a_group_is_complete_at_once(asker: Asker, group: str) -> None:
    found = asker.call("DescribeModelPackageGroup", ModelPackageGroupName=group)
    assert (found["ModelPackageGroupStatus"], found["ModelPackageGroupDescription"]) == ("Completed", "prices")
    arn = found["ModelPackageGroupArn"]
    assert asker.call("DescribeModelPackageGroup", ModelPackageGroupName=arn) == found
    with pytest.raises(Refused, match="already exists") as caught:
        asker.call("CreateModelPackageGroup", ModelPackageGroupName=group)
    assert caught.value.code == "ValidationException"


def test_groups_are_listed_and_none_come_from_other_accounts(asker: Asker, group: str) -> None:
    for option, number in (("SameAccount", 1), ("CrossAccount", 0)):
        found = asker.call("ListModelPackageGroups", CrossAccountFilterOption=option, NameContains="HOU")
        assert len(found["ModelPackageGroupSummaryList"]) == number


def test_it_goes_only_without_packages(asker: Asker, group: str) -> None:
    arn = asker.call("CreateModelPackage", ModelPackageGroupName=group, SourceUri="s3://b/k")["ModelPackageArn"]
    with pytest.raises(Refused, match="still contains") as caught:
        asker.call("DeleteModelPackageGroup", ModelPackageGroupName=group)
    assert caught.value.code == "ConflictException"
    asker.call("DeleteModelPackage", ModelPackageName=arn)
    asker.call("DeleteModelPackageGroup", ModelPackageGroupName=group)
    with pytest.raises(Refused, match="does not exist") as caught:
        asker.call("DescribeModelPackageGroup", ModelPackageGroupName=group)
    assert caught.value.code == "ValidationException"


def test_a_policy_is_put_got_and_deleted(asker: Asker, group: str) -> None:
    named = {"ModelPackageGroupName": group}
    for operation in ("GetModelPackageGroupPolicy", "DeleteModelPackageGroupPolicy"):
        with pytest.raises(Refused, match="Cannot find resource policy"):
            asker.call(operation, **named)
    asker.call("PutModelPackageGroupPolicy", **named, ResourcePolicy=POLICY)
    assert asker.call("GetModelPackageGroupPolicy", **named) == {"ResourcePolicy": POLICY}
    with pytest.raises(Refused, match="Invalid resource policy"):
        asker.call("PutModelPackageGroupPolicy", **named, ResourcePolicy="{}")
    asker.call("DeleteModelPackageGroupPolicy", **named)
    with pytest.raises(Refused, match="Cannot find resource policy"):
        asker.call("GetModelPackageGroupPolicy", **named)


def test_policies_of_a_group_that_is_not_there(asker: Asker) -> None:
    with pytest.raises(Refused, match="Cannot find Model Package Group"):
        asker.call("GetModelPackageGroupPolicy", ModelPackageGroupName="none")
