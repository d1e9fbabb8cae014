import json
from urllib.parse import quote

import pytest

from sagewright.operations.featurestore.records import UNBUILT
from sagewright.testing.asker import Asker
from sagewright.wire import model

ONLINE = {"EnableOnlineStore": True}


@pytest.fixture
def group(asker: Asker) -> str:
    definitions = [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "time")]
    answer = asker.call(
        "CreateFeatureGroup",
        FeatureGroupName="houses",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=definitions,
        OnlineStoreConfig=ONLINE,
    )
    return str(answer["FeatureGroupArn"])


def got(asker: Asker, group: str) -> tuple[int, str]:
    path = f"/FeatureGroup/{quote(group, safe='')}"
    answer = asker.ask("GET", path, query="RecordIdentifierValueAsString=1")
    return answer.status, answer.headers["x-amzn-errortype"]


def test_a_group_that_is_not_there_is_not_found(asker: Asker) -> None:
    assert got(asker, "none") == (404, "ResourceNotFound")


def test_records_are_refused_in_a_group_that_is_there(asker: Asker, group: str) -> None:
    assert got(asker, "houses") == (400, "ValidationError")
    assert got(asker, group) == (400, "ValidationError")


def test_each_group_of_a_batch_must_be_there(asker: Asker, group: str) -> None:
    def asked(name: str) -> int:
        entries = [{"FeatureGroupName": each, "RecordIdentifiersValueAsString": ["1"]} for each in ("houses", name)]
        return asker.ask(path="/BatchGetRecord", body=json.dumps({"Identifiers": entries}).encode()).status

    assert (asked("houses"), asked("none")) == (400, 404)


def test_every_operation_of_the_service_is_refused_by_name() -> None:
    assert set(UNBUILT) == set(model.service("sagemaker-featurestore-runtime").operation_names)
