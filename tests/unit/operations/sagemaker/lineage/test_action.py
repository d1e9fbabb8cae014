import pytest

from sagewright.testing.asker import Asker, Refused

SOURCE = {"SourceUri": "job/1", "SourceType": "Job"}


def test_an_action_from_its_making_to_its_end(asker: Asker) -> None:
    made = asker.call("CreateAction", ActionName="Deploy", Source=SOURCE, ActionType="Deployment", Status="InProgress")
    asker.call("UpdateAction", ActionName="Deploy", Status="Completed", Properties={"a": "b"})
    found = asker.call("DescribeAction", ActionName=made["ActionArn"])
    assert (found["ActionName"], found["Status"], found["Properties"]) == ("Deploy", "Completed", {"a": "b"})
    assert found["LineageGroupArn"].endswith("/sagemaker-default-lineage-group")
    (summary,) = asker.call("ListActions", ActionType="Deployment", SourceUri="job/1", SortBy="Name")["ActionSummaries"]
    assert summary["Status"] == "Completed"
    assert asker.call("DeleteAction", ActionName="deploy") == {"ActionArn": made["ActionArn"]}
    with pytest.raises(Refused, match="does not exist"):
        asker.call("DescribeAction", ActionName="Deploy")


def test_names_are_taken_in_any_case(asker: Asker) -> None:
    asker.call("CreateAction", ActionName="Deploy", Source=SOURCE, ActionType="Deployment")
    with pytest.raises(Refused, match="already exists"):
        asker.call("CreateAction", ActionName="deploy", Source=SOURCE, ActionType="Deployment")
