import pytest

from sagewright.testing.asker import Asker, Refused


def test_a_configuration_is_made_changed_listed_and_deleted(asker: Asker) -> None:
    name = {"AppImageConfigName": "lab"}
    asker.call("CreateAppImageConfig", **name)
    assert set(asker.call("DescribeAppImageConfig", **name)) == {
        "AppImageConfigArn", "AppImageConfigName", "CreationTime", "LastModifiedTime",
    }  # fmt: skip
    lab = {"FileSystemConfig": {"MountPath": "/home/me", "DefaultUid": 0, "DefaultGid": 0}}
    asker.call("UpdateAppImageConfig", **name, JupyterLabAppImageConfig=lab)
    (listed,) = asker.call("ListAppImageConfigs", NameContains="LA", SortBy="Name")["AppImageConfigs"]
    assert listed["JupyterLabAppImageConfig"] == lab
    with pytest.raises(Refused, match="already exists"):
        asker.call("CreateAppImageConfig", **name)
    asker.call("DeleteAppImageConfig", **name)
    with pytest.raises(Refused, match="does not exist"):
        asker.call("DeleteAppImageConfig", **name)
