from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

pytestmark = pytest.mark.usefixtures("everything_built")


@pytest.fixture
def request_(role: str) -> dict[str, Any]:
    return {"Name": "eval", "Type": "comet", "ExecutionRoleArn": role, "Tier": "small", "AuthType": "IAM"}


def test_apps_are_found_by_arn(asker: Asker, request_: dict[str, Any]) -> None:
    arn = asker.call("CreatePartnerApp", **request_)["Arn"]
    tags = [{"Key": "team", "Value": "a"}]
    asker.call("UpdatePartnerApp", Arn=arn, Tier="large", Tags=tags)
    described = asker.call("DescribePartnerApp", Arn=arn, IncludeAvailableUpgrade=True)
    assert (described["Name"], described["Tier"], described["Status"]) == ("eval", "large", "Creating")
    assert asker.call("ListTags", ResourceArn=arn)["Tags"] == tags
    assert [each["Arn"] for each in asker.call("ListPartnerApps")["Summaries"]] == [arn]
    assert asker.call("DeletePartnerApp", Arn=arn) == {"Arn": arn}
    with pytest.raises(Refused, match="does not exist"):
        asker.call("DeletePartnerApp", Arn=arn)


def test_a_name_is_taken_once_unless_a_request_is_repeated(asker: Asker, request_: dict[str, Any]) -> None:
    once = asker.call("CreatePartnerApp", **request_, ClientToken="a")
    assert asker.call("CreatePartnerApp", **request_, ClientToken="a") == once
    with pytest.raises(Refused, match="already exists") as caught:
        asker.call("CreatePartnerApp", **request_, ClientToken="b")
    assert caught.value.code == "ConflictException"


@pytest.mark.parametrize(
    ("members", "sentence"), [({"AuthType": "IDC"}, "Identity Center"), ({"AppVersion": "1.2"}, "no other version")]
)
def test_what_cannot_be_is_refused(
    asker: Asker, request_: dict[str, Any], members: dict[str, str], sentence: str
) -> None:
    arn = asker.call("CreatePartnerApp", **request_)["Arn"]
    with pytest.raises(Refused, match=sentence):
        asker.call("UpdatePartnerApp", Arn=arn, **members)
