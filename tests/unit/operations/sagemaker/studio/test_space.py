import pytest

from sagewright.testing.asker import Asker, Refused

OWNED = {"OwnershipSettings": {"OwnerUserProfileName": "Ada"}, "SpaceSharingSettings": {"SharingType": "Private"}}


def test_a_space_is_made_updated_listed_and_deleted(asker: Asker, domain: str) -> None:
    name = {"DomainId": domain, "SpaceName": "mine"}
    asker.call("CreateSpace", **name, **OWNED, SpaceSettings={"AppType": "JupyterLab"}, SpaceDisplayName="Mine")
    storage = {"SpaceStorageSettings": {"EbsStorageSettings": {"EbsVolumeSizeInGb": 10}}}
    asker.call("UpdateSpace", **name, SpaceSettings=storage)
    described = asker.call("DescribeSpace", **name)
    assert described["SpaceSettings"] == {"AppType": "JupyterLab", **storage}
    assert (described["Status"], described["SpaceDisplayName"]) == ("InService", "Mine")
    (listed,) = asker.call("ListSpaces", DomainIdEquals=domain, SpaceNameContains="min")["Spaces"]
    assert listed["SpaceSettingsSummary"] == {"AppType": "JupyterLab", **storage}
    assert listed["OwnershipSettingsSummary"] == {"OwnerUserProfileName": "Ada"}
    asker.call("DeleteSpace", **name)
    with pytest.raises(Refused, match="does not exist"):
        asker.call("DescribeSpace", **name)


def test_a_shared_space_without_settings_has_none(asker: Asker, domain: str) -> None:
    asker.call("CreateSpace", DomainId=domain, SpaceName="ours")
    assert not {"SpaceSettings", "OwnershipSettings"} & set(
        asker.call("DescribeSpace", DomainId=domain, SpaceName="ours")
    )
    assert set(asker.call("ListSpaces")["Spaces"][0]) == {
        "DomainId", "SpaceName", "Status", "CreationTime", "LastModifiedTime",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"OwnershipSettings": OWNED["OwnershipSettings"]}, "belong together"),
        ({**OWNED, "OwnershipSettings": {"OwnerUserProfileName": "nobody"}}, r"UserProfile \[nobody\] does not exist"),
    ],
)
def test_a_space_needs_an_owner_that_is_there(
    asker: Asker, domain: str, members: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        asker.call("CreateSpace", DomainId=domain, SpaceName="mine", **members)
    assert asker.call("ListSpaces")["Spaces"] == []
