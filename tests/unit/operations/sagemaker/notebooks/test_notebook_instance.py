from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sagewright.resources.notebook_instance import KIND
from sagewright.resources.record import Key
from sagewright.testing.asker import Asker, Refused

Make = Callable[..., str]


@pytest.fixture
def make(asker: Asker, role: str) -> Make:
    def made(name: str = "lab", **members: Any) -> str:
        asked = {"NotebookInstanceName": name, "InstanceType": "ml.t3.medium", "RoleArn": role, **members}
        return str(asker.call("CreateNotebookInstance", **asked)["NotebookInstanceArn"])

    return made


def described(asker: Asker, name: str = "lab") -> dict[str, Any]:
    return asker.call("DescribeNotebookInstance", NotebookInstanceName=name)


def came_to(asker: Asker, state: str, name: str = "lab", **status: Any) -> None:
    """What the controller does."""
    store = asker.server.storage.store
    record = store.get(Key("123456789012", "us-east-1", KIND, "", name))
    assert record is not None
    store.update(replace(record, state=state, status={**record.status, **status}))


def test_an_instance_starts_stops_and_is_deleted(asker: Asker, make: Make) -> None:
    make(SubnetId="subnet-1", SecurityGroupIds=["sg-1"])
    first = described(asker)
    assert first["NotebookInstanceStatus"] == "Pending"
    assert first["SecurityGroups"] == ["sg-1"]
    with pytest.raises(Refused, match=r"Status \(Pending\) not in \(\[Failed, Stopped\]\)"):
        asker.call("DeleteNotebookInstance", NotebookInstanceName="lab")
    asker.call("StopNotebookInstance", NotebookInstanceName="lab")
    assert described(asker)["NotebookInstanceStatus"] == "Stopping"
    with pytest.raises(Refused, match="not in"):
        asker.call("StopNotebookInstance", NotebookInstanceName="lab")
    came_to(asker, "Stopped")
    asker.call("StartNotebookInstance", NotebookInstanceName="lab")
    assert described(asker)["NotebookInstanceStatus"] == "Pending"
    came_to(asker, "Failed")
    asker.call("DeleteNotebookInstance", NotebookInstanceName="lab")
    assert described(asker)["NotebookInstanceStatus"] == "Deleting"


def test_an_instance_is_updated_at_rest(asker: Asker, make: Make) -> None:
    asker.call("CreateNotebookInstanceLifecycleConfig", NotebookInstanceLifecycleConfigName="setup")
    make(DefaultCodeRepository="https://example.com/a.git", VolumeSizeInGB=10)
    update = {"NotebookInstanceName": "lab", "LifecycleConfigName": "setup", "DisassociateDefaultCodeRepository": True}
    with pytest.raises(Refused, match="Updating"):
        asker.call("UpdateNotebookInstance", **update)
    came_to(asker, "Stopped")
    asker.call("UpdateNotebookInstance", **update)
    now = described(asker)
    assert now["NotebookInstanceStatus"] == "Updating"
    assert now["NotebookInstanceLifecycleConfigName"] == "setup"
    assert "DefaultCodeRepository" not in now
    came_to(asker, "Stopped")
    with pytest.raises(Refused, match="cannot become smaller"):
        asker.call("UpdateNotebookInstance", NotebookInstanceName="lab", VolumeSizeInGB=5)


def test_the_address_is_a_host_of_its_own(asker: Asker, make: Make) -> None:
    make("Lab")
    assert described(asker, "Lab")["Url"].startswith("lab.notebook.us-east-1.localhost")
    (listed,) = asker.call("ListNotebookInstances")["NotebookInstances"]
    assert listed["Url"] == described(asker, "Lab")["Url"]
    with pytest.raises(Refused, match="in status Pending and does not answer"):
        asker.call("CreatePresignedNotebookInstanceUrl", NotebookInstanceName="Lab")
    came_to(asker, "InService", "Lab", serving={"task": "t", "socket": "/s"})
    url = asker.call("CreatePresignedNotebookInstanceUrl", NotebookInstanceName="Lab")["AuthorizedUrl"]
    assert url.startswith(f"http://{described(asker, 'Lab')['Url']}/?authToken=")


def test_instances_are_listed_by_what_they_use(asker: Asker, make: Make) -> None:
    asker.call("CreateNotebookInstanceLifecycleConfig", NotebookInstanceLifecycleConfigName="setup")
    make("a", LifecycleConfigName="setup")
    make("b", DefaultCodeRepository="https://example.com/code.git")
    make("c", AdditionalCodeRepositories=["https://example.com/more.git"])

    def names(**filters: str) -> list[str]:
        found = asker.call("ListNotebookInstances", SortBy="Name", SortOrder="Ascending", **filters)
        return [each["NotebookInstanceName"] for each in found["NotebookInstances"]]

    assert names() == ["a", "b", "c"]
    assert names(NotebookInstanceLifecycleConfigNameContains="set") == ["a"]
    assert names(DefaultCodeRepositoryContains="code") == ["b"]
    assert names(AdditionalCodeRepositoryEquals="https://example.com/more.git") == ["c"]
    assert names(StatusEquals="Stopped") == []


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"DirectInternetAccess": "Disabled"}, "SubnetId is required"),
        ({"SecurityGroupIds": ["sg-1"]}, "SubnetId is required"),
        ({"LifecycleConfigName": "none"}, "does not exist"),
        ({"AcceleratorTypes": ["ml.eia1.medium"]}, "no accelerators"),
        ({"DefaultCodeRepository": "none"}, "Cannot find CodeRepository"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/nobody"}, "assume role"),
    ],
)
def test_what_an_instance_needs_must_be_there(asker: Asker, make: Make, members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        make(**members)
    assert asker.call("ListNotebookInstances")["NotebookInstances"] == []


def test_a_name_is_taken_once(make: Make) -> None:
    make()
    with pytest.raises(Refused, match="duplicate notebook instance"):
        make()
