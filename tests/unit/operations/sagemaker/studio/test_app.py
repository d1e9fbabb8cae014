import pytest

from sagewright.testing.asker import Asker, Refused

LAB = {"AppType": "JupyterLab", "AppName": "default"}


def test_apps_do_not_run_yet(asker: Asker, domain: str) -> None:
    with pytest.raises(Refused, match="run Studio apps yet"):
        asker.call("CreateApp", DomainId=domain, UserProfileName="Ada", **LAB)
    assert asker.call("ListApps")["Apps"] == []


@pytest.mark.usefixtures("everything_built")
def test_an_app_waits_and_keeps_its_user_and_domain(asker: Asker, domain: str) -> None:
    name = {"DomainId": domain, "UserProfileName": "Ada", **LAB}
    arn = asker.call("CreateApp", **name, Tags=[{"Key": "team", "Value": "a"}])["AppArn"]
    assert arn.endswith(f":app/{domain}/ada/jupyterlab/default")
    assert asker.call("ListTags", ResourceArn=arn)["Tags"]
    assert asker.call("DescribeApp", **name)["Status"] == "Pending"
    for operation, members in (
        ("DeleteDomain", {"DomainId": domain}),
        ("DeleteUserProfile", {"DomainId": domain, "UserProfileName": "Ada"}),
    ):
        with pytest.raises(Refused, match="it has apps"):
            asker.call(operation, **members)
    asker.call("DeleteApp", **name)
    with pytest.raises(Refused, match="RecordNotFound"):
        asker.call("DescribeApp", **name)


@pytest.mark.usefixtures("everything_built")
def test_apps_are_listed_by_whose_they_are(asker: Asker, domain: str) -> None:
    asker.call("CreateSpace", DomainId=domain, SpaceName="ours")
    asker.call("CreateApp", DomainId=domain, SpaceName="ours", **LAB)
    asker.call("CreateApp", DomainId=domain, UserProfileName="Ada", **LAB)
    of_all = asker.call("ListApps", DomainIdEquals=domain, SortBy="CreationTime")["Apps"]
    (of_space,) = asker.call("ListApps", SpaceNameEquals="ours")["Apps"]
    (of_user,) = asker.call("ListApps", UserProfileNameEquals="Ada")["Apps"]
    assert len(of_all) == 2
    assert of_space["SpaceName"] == "ours" and "UserProfileName" not in of_space  # noqa: PT018
    assert of_user["UserProfileName"] == "Ada"
    with pytest.raises(Refused, match="it has apps"):
        asker.call("DeleteSpace", DomainId=domain, SpaceName="ours")


@pytest.mark.usefixtures("everything_built")
@pytest.mark.parametrize("whose", [{}, {"UserProfileName": "Ada", "SpaceName": "ours"}])
def test_an_app_belongs_to_a_user_or_a_space(asker: Asker, domain: str, whose: dict[str, str]) -> None:
    with pytest.raises(Refused, match="Exactly one of"):
        asker.call("CreateApp", DomainId=domain, **whose, **LAB)
