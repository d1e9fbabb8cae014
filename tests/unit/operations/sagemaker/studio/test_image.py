import pytest

from sagewright.testing.asker import Asker, Refused


def test_an_image_is_made_changed_and_found(asker: Asker, role: str) -> None:
    asker.call("CreateImage", ImageName="lab", RoleArn=role, Description="mine", DisplayName="Lab")
    asker.call("UpdateImage", ImageName="lab", DeleteProperties=["Description"], DisplayName="The lab")
    described = asker.call("DescribeImage", ImageName="lab")
    assert (described["ImageStatus"], described["DisplayName"]) == ("CREATED", "The lab")
    assert "Description" not in described
    assert asker.call("ListImages", NameContains="lab", SortBy="IMAGE_NAME", SortOrder="ASCENDING")["Images"]


def test_the_same_image_is_not_made_twice(asker: Asker, role: str) -> None:
    asker.call("CreateImage", ImageName="lab", RoleArn=role)
    with pytest.raises(Refused, match="already exists") as caught:
        asker.call("CreateImage", ImageName="lab", RoleArn=role)
    assert caught.value.code == "ResourceInUse"


def test_an_image_goes_with_its_versions(asker: Asker, role: str) -> None:
    asker.call("CreateImage", ImageName="lab", RoleArn=role)
    for number in range(3):
        asker.call("CreateImageVersion", ImageName="lab", BaseImage="a", ClientToken=str(number))
    asker.call("DeleteImage", ImageName="lab")
    with pytest.raises(Refused, match="does not exist"):
        asker.call("DescribeImage", ImageName="lab")
    asker.call("CreateImage", ImageName="lab", RoleArn=role)
    assert asker.call("ListImageVersions", ImageName="lab")["ImageVersions"] == []
