from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused


@pytest.fixture
def cluster(asker: Asker, role: str, everything_built: None) -> str:
    group = {
        "InstanceGroupName": "workers",
        "InstanceCount": 2,
        "InstanceType": "ml.m5.large",
        "ExecutionRole": role,
        "LifeCycleConfig": {"SourceS3Uri": "s3://sagemaker-bucket/scripts", "OnCreate": "on_create.sh"},
    }
    made: str = asker.call("CreateCluster", ClusterName="big", InstanceGroups=[group])["ClusterArn"]
    return made


def test_an_arn_made_of_an_id_leads_to_it(asker: Asker, cluster: str) -> None:
    told = asker.call("DescribeCluster", ClusterName=cluster)
    assert (told["ClusterName"], told["ClusterStatus"]) == ("big", "Creating")
    assert told["InstanceGroups"][0]["CurrentCount"] == 0
    asker.call("AddTags", ResourceArn=cluster, Tags=[{"Key": "k", "Value": "v"}])
    assert asker.call("ListTags", ResourceArn=cluster)["Tags"] == [{"Key": "k", "Value": "v"}]


@pytest.mark.usefixtures("cluster")
def test_a_cluster_that_does_not_run_has_no_nodes(asker: Asker) -> None:
    assert asker.call("ListClusterNodes", ClusterName="big")["ClusterNodeSummaries"] == []
    answer = asker.call("BatchRebootClusterNodes", ClusterName="big", NodeIds=["i-0123456789abcdef0"])
    assert answer["Failed"][0]["ErrorCode"] == "InstanceIdNotFound"


@pytest.mark.parametrize("title", ["ComputeQuota", "ClusterSchedulerConfig"])
def test_updates_are_counted_and_name_the_version_they_saw(asker: Asker, cluster: str, title: str) -> None:
    members: dict[str, Any] = {"Name": "share", "ClusterArn": cluster}
    if title == "ComputeQuota":
        members |= {"ComputeQuotaConfig": {}, "ComputeQuotaTarget": {"TeamName": "team"}}
    else:
        members |= {"SchedulerConfig": {}}
    made = asker.call(f"Create{title}", **members)[f"{title}Id"]
    updated = asker.call(f"Update{title}", **{f"{title}Id": made, "TargetVersion": 1, "Description": "more"})
    assert updated[f"{title}Version"] == 2
    with pytest.raises(Refused, match="newest version is 2"):
        asker.call(f"Update{title}", **{f"{title}Id": made, "TargetVersion": 1})
    (found,) = asker.call(f"List{title}s", ClusterArn=cluster)[f"{title}Summaries"]
    assert found["Name"] == "share"


def test_a_cluster_that_is_shared_or_has_extensions_stays(asker: Asker, cluster: str) -> None:
    extension = asker.call("CreateClusterExtension", ClusterArn=cluster, ExtensionName="drivers")["ExtensionArn"]
    share = {"Name": "share", "ClusterArn": cluster, "SchedulerConfig": {}}
    config = asker.call("CreateClusterSchedulerConfig", **share)["ClusterSchedulerConfigId"]
    for delete in (
        ("DeleteClusterExtension", {"ClusterArn": cluster, "ExtensionArn": extension}),
        ("DeleteClusterSchedulerConfig", {"ClusterSchedulerConfigId": config}),
    ):
        with pytest.raises(Refused, match="Delete these first"):
            asker.call("DeleteCluster", ClusterName="big")
        asker.call(delete[0], **delete[1])
    assert asker.call("DeleteCluster", ClusterName="big") == {"ClusterArn": cluster}
