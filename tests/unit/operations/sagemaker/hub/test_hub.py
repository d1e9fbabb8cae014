from collections.abc import Callable
from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused


def test_a_hub_is_made_changed_listed_and_deleted_by_name_or_arn(asker: Asker, hub: str) -> None:
    asker.call("UpdateHub", HubName=hub, HubDisplayName="All our models", HubSearchKeywords=["ours"])
    described = asker.call("DescribeHub", HubName=hub)
    assert (described["HubName"], described["HubStatus"]) == ("Models", "InService")
    assert described["LastModifiedBy"]["IamIdentity"]["Arn"].endswith(":root")
    for order in ("HubName", "CreationTime", "HubStatus", "AccountIdOwner"):
        (listed,) = asker.call("ListHubs", NameContains="mod", SortBy=order)["HubSummaries"]
        assert listed["HubDisplayName"] == "All our models"
    asker.call("DeleteHub", HubName=hub)
    with pytest.raises(Refused, match="does not exist") as caught:
        asker.call("DescribeHub", HubName="Models")
    assert caught.value.code == "ResourceNotFound"


def test_a_name_is_taken_once(asker: Asker, hub: str) -> None:
    with pytest.raises(Refused, match="already exists") as caught:
        asker.call("CreateHub", HubName="Models", HubDescription="")
    assert caught.value.code == "ResourceInUse"


def test_a_hub_with_contents_is_kept(asker: Asker, hub: str, put: Callable[..., dict[str, Any]]) -> None:
    put()
    with pytest.raises(Refused, match="has contents") as caught:
        asker.call("DeleteHub", HubName="Models")
    assert caught.value.code == "ResourceInUse"
