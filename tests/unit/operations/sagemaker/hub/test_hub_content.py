from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

Put = Callable[..., dict[str, Any]]
INTRO = {"HubName": "Models", "HubContentType": "Notebook", "HubContentName": "intro"}


def described(asker: Asker, **members: str) -> dict[str, Any]:
    return asker.call("DescribeHubContent", **INTRO, **members)


def numbers(asker: Asker, **filters: str) -> list[str]:
    listed = asker.call(
        "ListHubContentVersions", **INTRO, SortBy="CreationTime", SortOrder="Ascending", **filters
    )["HubContentSummaries"]  # fmt: skip
    return [each["HubContentVersion"] for each in listed]


def test_a_content_is_a_document_with_versions(asker: Asker, hub: str, put: Put) -> None:
    first = put()
    assert first["HubContentArn"].endswith(":hub-content/models/notebook/intro/1.0.0")
    assert put(HubName=hub)["HubContentArn"].endswith("/1.0.1")
    put(HubContentVersion="1.10.0", HubContentDescription="the tenth")
    put(HubContentVersion="1.9.0")
    newest = described(asker)
    assert (newest["HubContentVersion"], newest["HubContentStatus"]) == ("1.10.0", "Available")
    assert (newest["HubName"], newest["HubArn"]) == ("Models", hub)
    assert described(asker, HubContentVersion="1.0.0")["HubContentDocument"].startswith("{")
    assert sorted(numbers(asker)) == ["1.0.0", "1.0.1", "1.10.0", "1.9.0"]
    assert numbers(asker, MinVersion="1.9.0") == ["1.10.0", "1.9.0"]


def test_versions_imported_at_once_have_numbers_of_their_own_and_one_is_the_newest(asker: Asker, put: Put) -> None:
    with ThreadPoolExecutor(6) as pool:
        arns = {answer["HubContentArn"] for answer in pool.map(lambda _number: put(), range(6))}
    assert len(arns) == 6
    (newest,) = asker.call("ListHubContents", HubName="Models", HubContentType="Notebook")["HubContentSummaries"]
    assert newest["HubContentVersion"] == "1.0.5"


def test_lists_of_contents_show_the_newest_version_of_each(asker: Asker, hub: str, put: Put) -> None:
    for name, number in (("intro", "1.0.0"), ("intro", "2.0.0"), ("outro", "1.0.0")):
        put(name, HubContentVersion=number)
    shelf = {"HubName": hub, "HubContentType": "Notebook", "SortBy": "HubContentName", "SortOrder": "Ascending"}

    def shown(**filters: str) -> list[tuple[str, str]]:
        found = asker.call("ListHubContents", **shelf, **filters)["HubContentSummaries"]
        return [(each["HubContentName"], each["HubContentVersion"]) for each in found]

    assert shown() == [("intro", "2.0.0"), ("outro", "1.0.0")]
    assert shown(NameContains="OUT") == [("outro", "1.0.0")]
    assert shown(MaxSchemaVersion="0.9.9") == []
    asker.call("DeleteHubContent", **INTRO, HubContentVersion="2.0.0")
    assert shown() == [("intro", "1.0.0"), ("outro", "1.0.0")]
    assert asker.call("ListHubContents", **(shelf | {"HubContentType": "Model"}))["HubContentSummaries"] == []


def test_what_is_said_about_a_version_can_change(asker: Asker, hub: str, put: Put) -> None:
    put()
    asker.call("UpdateHubContent", **(INTRO | {"HubName": hub}), HubContentVersion="1.0.0", SupportStatus="Deprecated")
    assert described(asker)["SupportStatus"] == "Deprecated"


def test_a_version_is_imported_once(put: Put) -> None:
    put(HubContentVersion="1.0.0")
    with pytest.raises(Refused, match="already exists") as caught:
        put(HubContentVersion="1.0.0")
    assert caught.value.code == "ResourceInUse"


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"HubName": "none"}, r"Hub \[none\] does not exist"),
        ({"HubContentDocument": "{"}, "not JSON"),
        ({"HubContentDocument": "[]"}, "JSON object"),
        ({"HubContentType": "ModelReference"}, "CreateHubContentReference"),
        ({"HubContentVersion": "1a0b0"}, "three numbers"),
        ({"DocumentSchemaVersion": "1a0b0"}, "three numbers"),
    ],
)
def test_what_cannot_be_is_refused(asker: Asker, put: Put, members: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        put(**members)
    with pytest.raises(Refused, match="does not exist"):
        described(asker)


def test_versions_have_tags(asker: Asker, put: Put) -> None:
    arn = put(Tags=[{"Key": "team", "Value": "a"}])["HubContentArn"]
    assert asker.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
