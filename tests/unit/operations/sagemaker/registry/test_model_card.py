import json
from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

CONTENT = json.dumps(
    {"model_overview": {"model_id": "m-1", "model_creator": "me"}, "intended_uses": {"risk_rating": "Low"}}
)


@pytest.fixture
def card(asker: Asker) -> str:
    asker.call("CreateModelCard", ModelCardName="house", Content=CONTENT, ModelCardStatus="Draft")
    return "house"


def described(asker: Asker, **members: Any) -> dict[str, Any]:
    return asker.call("DescribeModelCard", **{"ModelCardName": "house", **members})


def test_new_content_makes_a_version_and_a_status_does_not(asker: Asker, card: str) -> None:
    asker.call("UpdateModelCard", ModelCardName=card, Content="{}")
    asker.call("UpdateModelCard", ModelCardName=card, ModelCardStatus="Approved")
    now = described(asker)
    assert (now["ModelCardVersion"], now["ModelCardStatus"], now["Content"]) == (2, "Approved", "{}")
    first = described(asker, ModelCardVersion=1)
    assert (first["ModelCardVersion"], first["ModelCardStatus"], first["Content"]) == (1, "Draft", CONTENT)
    assert first["CreationTime"] == now["CreationTime"]
    with pytest.raises(Refused, match="has no version 3") as caught:
        described(asker, ModelCardVersion=3)
    assert caught.value.code == "ResourceNotFound"


def test_versions_are_listed(asker: Asker, card: str) -> None:
    for number in range(10):
        asker.call("UpdateModelCard", ModelCardName=card, Content=json.dumps({"additional_information": number}))
    asked = {"ModelCardName": card, "MaxResults": 8}
    first = asker.call("ListModelCardVersions", **asked)
    second = asker.call("ListModelCardVersions", **asked, NextToken=first["NextToken"])
    shown = first["ModelCardVersionSummaryList"] + second["ModelCardVersionSummaryList"]
    assert [each["ModelCardVersion"] for each in shown] == list(range(11, 0, -1))
    assert {each["ModelCardName"] for each in shown} == {card}
    none = asker.call("ListModelCardVersions", ModelCardName=card, ModelCardStatus="Approved")
    assert none["ModelCardVersionSummaryList"] == []


def test_what_anybody_may_see(asker: Asker, card: str) -> None:
    found = json.loads(described(asker, IncludedData="MetadataOnly")["Content"])
    assert found == {"model_overview": {"model_id": "m-1"}, "intended_uses": {"risk_rating": "Low"}}


def test_cards_are_listed_by_status(asker: Asker, card: str) -> None:
    for status, number in (("Draft", 1), ("Approved", 0)):
        assert len(asker.call("ListModelCards", ModelCardStatus=status)["ModelCardSummaries"]) == number


def test_content_is_a_json_object(asker: Asker, card: str) -> None:
    for content, sentence in (("{", "not valid JSON"), ("[]", "must be a JSON object")):
        with pytest.raises(Refused, match=sentence):
            asker.call("CreateModelCard", ModelCardName="bad", Content=content, ModelCardStatus="Draft")
        with pytest.raises(Refused, match=sentence):
            asker.call("UpdateModelCard", ModelCardName=card, Content=content)


def test_one_thing_is_updated_at_a_time(asker: Asker, card: str) -> None:
    for members in ({}, {"Content": "{}", "ModelCardStatus": "Draft"}):
        with pytest.raises(Refused, match="one of them"):
            asker.call("UpdateModelCard", ModelCardName=card, **members)


def test_a_card_exists_once_and_goes_with_its_versions(asker: Asker, card: str) -> None:
    with pytest.raises(Refused, match="already exists") as caught:
        asker.call("CreateModelCard", ModelCardName=card, Content="{}", ModelCardStatus="Draft")
    assert caught.value.code == "ConflictException"
    asker.call("DeleteModelCard", ModelCardName=card)
    with pytest.raises(Refused, match="does not exist"):
        described(asker)
    asker.call("CreateModelCard", ModelCardName=card, Content="{}", ModelCardStatus="Draft")
    assert len(asker.call("ListModelCardVersions", ModelCardName=card)["ModelCardVersionSummaryList"]) == 1
