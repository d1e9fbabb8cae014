import pytest

from sagewright.testing.asker import Asker, Refused

DEFAULT = "sagemaker-default-lineage-group"


def test_the_default_group_is_there_from_the_start(asker: Asker) -> None:
    (summary,) = asker.call("ListLineageGroups")["LineageGroupSummaries"]
    found = asker.call("DescribeLineageGroup", LineageGroupName=DEFAULT)
    assert found["LineageGroupArn"] == summary["LineageGroupArn"]
    assert found["CreationTime"] == summary["CreationTime"]


def test_there_is_no_policy_and_no_other_group(asker: Asker) -> None:
    arn = asker.call("DescribeLineageGroup", LineageGroupName=DEFAULT)["LineageGroupArn"]
    for name in (DEFAULT, arn):
        with pytest.raises(Refused, match="no resource policy"):
            asker.call("GetLineageGroupPolicy", LineageGroupName=name)
    with pytest.raises(Refused, match="does not exist"):
        asker.call("DescribeLineageGroup", LineageGroupName="other")
