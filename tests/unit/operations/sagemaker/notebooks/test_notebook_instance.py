from collections.abc import Callable
from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

Make = Callable[..., str]


@pytest.fixture
def make(asker: Asker, role: str, everything_built: None) -> Make:
    def made(name: str = "lab", **members: Any) -> str:
        asked = {"NotebookInstanceName": name, "InstanceType": "ml.t3.medium", "RoleArn": role, **members}
        return str(asker.call("CreateNotebookInstance", **asked)["NotebookInstanceArn"])

    return made


def described(asker: Asker, name: str = "lab") -> dict[str, Any]:
    return asker.call("DescribeNotebookInstance", NotebookInstanceName=name)


def test_instances_do_not_run_yet(asker: Asker, role: str) -> None:
    with pytest.raises(Refused, match="run notebook instances yet"):
        asker.call("CreateNotebookInstance", NotebookInstanceName="a", InstanceType="ml.t3.medium", RoleArn=role)
    with pytest.raises(Refused, match="run notebook instances yet"):
        asker.call("StartNotebookInstance", NotebookInstanceName="a")


def test_an_instance_waits_is_stopped_and_deleted(asker: Asker, make: Make) -> None:
    make(SubnetId="subnet-1", SecurityGroupIds=["sg-1"])
    first = described(asker)
    assert first["NotebookInstanceStatus"] == "Pending"
    assert first["SecurityGroups"] == ["sg-1"]
    assert "Url" not in first
    with pytest.raises(Refused, match=r"Status \(Pending\) not in \(\[Stopped, Failed\]\)"):
        asker.call("DeleteNotebookInstance", NotebookInstanceName="lab")
    asker.call("StopNotebookInstance", NotebookInstanceName="lab")
    assert described(asker)["NotebookInstanceStatus"] == "Stopped"
    with pytest.raises(Refused, match="not in"):
        asker.call("StopNotebookInstance", NotebookInstanceName="lab")
    asker.call("StartNotebookInstance", NotebookInstanceName="lab")
    assert described(asker)["NotebookInstanceStatus"] == "Pending"
    asker.call("StopNotebookInstance", NotebookInstanceName="lab")
    asker.call("DeleteNotebookInstance", NotebookInstanceName="lab")
    with pytest.raises(Refused, match="RecordNotFound") as caught:
        described(asker)
    assert caught.value.code == "ValidationException"


def test_an_instance_is_updated_at_rest(asker: Asker, make: Make) -> None:
    asker.call("CreateNotebookInstanceLifecycleConfig", NotebookInstanceLifecycleConfigName="setup")
    make(DefaultCodeRepository="https://example.com/a.git", VolumeSizeInGB=10)
    update = {"NotebookInstanceName": "lab", "LifecycleConfigName": "setup", "DisassociateDefaultCodeRepository": True}
    with pytest.raises(Refused, match="Updating"):
        asker.call("UpdateNotebookInstance", **update)
    asker.call("StopNotebookInstance", NotebookInstanceName="lab")
    asker.call("UpdateNotebookInstance", **update)
    now = described(asker)
    assert now["NotebookInstanceLifecycleConfigName"] == "setup"
    assert "DefaultCodeRepository" not in now
    with pytest.raises(Refused, match="cannot become smaller"):
        asker.call("UpdateNotebookInstance", NotebookInstanceName="lab", VolumeSizeInGB=5)


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
