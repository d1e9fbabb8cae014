import json
from typing import Any
from urllib.parse import urlencode

import pytest

from sagewright.testing.asker import Asker

FEATURES = {"id": "String", "time": "Fractional", "rooms": "Integral", "price": "Fractional", "note": "String"}


@pytest.fixture
def houses(asker: Asker) -> str:
    return group(asker, "houses")


def group(asker: Asker, name: str, definitions: list[dict[str, Any]] | None = None, **online: Any) -> str:
    asker.call(
        "CreateFeatureGroup",
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[
            *({"FeatureName": each, "FeatureType": kind} for each, kind in FEATURES.items()),
            *(definitions or ()),
        ],
        OnlineStoreConfig={"EnableOnlineStore": True, **online},
    )
    return name


def said(asker: Asker, method: str, path: str, body: object = None, **query: Any) -> tuple[int, Any]:
    """Status and body of an answer; of a refusal, its code and message."""
    sent = b"" if body is None else json.dumps(body).encode()
    answer = asker.ask(method, path, query=urlencode(sorted(query.items()), doseq=True), body=sent)
    content = json.loads(answer.body or b"{}")
    if answer.status != 200:
        return answer.status, (answer.headers["x-amzn-errortype"], content.get("Message", content.get("message")))
    return 200, content


def values(**given: Any) -> list[dict[str, Any]]:
    return [
        {"FeatureName": name, "ValueAsStringList" if isinstance(value, list) else "ValueAsString": value}
        for name, value in given.items()
    ]


def put(asker: Asker, name: str, more: dict[str, Any] | None = None, **given: Any) -> tuple[int, Any]:
    return said(asker, "PUT", f"/FeatureGroup/{name}", {"Record": values(**given), **(more or {})})


def got(asker: Asker, name: str, identifier: str, **query: Any) -> Any:
    status, answer = said(asker, "GET", f"/FeatureGroup/{name}", RecordIdentifierValueAsString=identifier, **query)
    assert status == 200, answer
    return {each["FeatureName"]: each.get("ValueAsString", each.get("ValueAsStringList"))
            for each in answer["Record"]} if "Record" in answer else None  # fmt: skip


def delete(asker: Asker, name: str, identifier: str, time: str, **query: Any) -> tuple[int, Any]:
    return said(
        asker, "DELETE", f"/FeatureGroup/{name}", RecordIdentifierValueAsString=identifier, EventTime=time, **query
    )


def test_the_newest_by_its_event_time_wins(asker: Asker, houses: str) -> None:
    assert got(asker, houses, "a") is None
    put(asker, houses, id="a", time="200", rooms="2")
    put(asker, houses, id="a", time="100", rooms="1")
    assert got(asker, houses, "a") == {"id": "a", "time": "200", "rooms": "2"}
    put(asker, houses, id="a", time="200.5", price="1e3")
    assert got(asker, houses, "a") == {"id": "a", "time": "200.5", "price": "1e3"}
    assert got(asker, houses, "a", FeatureName=["price", "rooms"]) == {"price": "1e3"}


def test_a_soft_deletion_is_remembered_and_a_hard_one_is_not(asker: Asker, houses: str) -> None:
    put(asker, houses, id="a", time="200")
    assert delete(asker, houses, "a", "200") == (200, {})
    assert got(asker, houses, "a") is not None
    delete(asker, houses, "a", "300")
    assert got(asker, houses, "a") is None
    put(asker, houses, id="a", time="250")
    assert got(asker, houses, "a") is None
    put(asker, houses, id="a", time="400")
    status, (code, sentence) = delete(asker, houses, "a", "400", DeletionMode="HardDelete")
    assert (status, code, sentence[:10]) == (400, "ValidationError", "EventTime:")
    assert delete(asker, houses, "a", "401", DeletionMode="HardDelete") == (200, {})
    put(asker, houses, id="a", time="5")
    assert got(asker, houses, "a") == {"id": "a", "time": "5"}


def test_records_expire(asker: Asker) -> None:
    name = group(asker, "brief", TtlDuration={"Unit": "Minutes", "Value": 1})
    now = int(asker.server.app.services.clock.now())
    put(asker, name, id="old", time=str(now - 10_000))
    put(asker, name, id="new", time=str(now + 10_000))
    put(asker, name, {"TtlDuration": {"Unit": "Weeks", "Value": 2**31 - 1}}, id="long", time=str(now - 10_000))
    assert [got(asker, name, each) is not None for each in ("old", "new", "long")] == [False, True, True]
    _, answer = said(
        asker, "GET", f"/FeatureGroup/{name}", RecordIdentifierValueAsString="long", ExpirationTimeResponse="Enabled"
    )
    assert answer["ExpiresAt"].startswith("9999-12-31T23:59:59")
    put(asker, name, {"TtlDuration": {"Unit": "Days", "Value": 9}}, id="old", time=str(now - 20_000))
    assert got(asker, name, "old") is not None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"time": "1"}, "record identifier feature id is missing"),
        ({"id": "", "time": "1"}, "empty"),
        ({"id": "a"}, "event time feature time is missing"),
        ({"id": "a", "time": "yesterday"}, "finite number"),
        ({"id": "a", "time": "1e12"}, "seconds since 1970"),
        ({"id": "a", "time": "1", "rooms": "2.0"}, "Integral"),
        ({"id": "a", "time": "1", "rooms": str(2**63)}, "64 bits"),
        ({"id": "a", "time": "1", "price": "nan"}, "Fractional"),
        ({"id": "a", "time": "1", "garden": "1"}, "no feature named garden"),
        ({"id": "a", "time": "1", "rooms": ["1"]}, "no collection"),
        ({"id": "a", "time": "1", "note": "x" * (350 * 1024)}, "bytes"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused_and_changes_nothing(
    asker: Asker, houses: str, given: dict[str, Any], sentence: str
) -> None:
    status, (code, message) = put(asker, houses, **given)
    assert (status, code) == (400, "ValidationError")
    assert sentence in message
    assert got(asker, houses, "a") is None


def test_half_a_surrogate_pair_is_refused_everywhere(asker: Asker, houses: str) -> None:
    body = b'{"Record": [{"FeatureName": "id", "ValueAsString": "\\ud800"}]}'
    assert asker.ask("PUT", f"/FeatureGroup/{houses}", body=body).status == 400
    batch = b'{"Identifiers": [{"FeatureGroupName": "houses", "RecordIdentifiersValueAsString": ["\\ud800"]}]}'
    assert asker.ask("POST", "/BatchGetRecord", body=batch).status == 400
    for query in ("%ED%A0%80", "%FF", "%00"):
        answer = asker.ask("GET", f"/FeatureGroup/{houses}", query=f"RecordIdentifierValueAsString={query}")
        assert answer.status in (200, 400)


def test_collections(asker: Asker) -> None:
    kinds: list[dict[str, Any]] = [
        {"FeatureName": "list", "FeatureType": "Integral", "CollectionType": "List"},
        {"FeatureName": "set", "FeatureType": "String", "CollectionType": "Set"},
        {
            "FeatureName": "vector",
            "FeatureType": "Fractional",
            "CollectionType": "Vector",
            "CollectionConfig": {"VectorConfig": {"Dimension": 2}},
        },
    ]
    name = group(asker, "many", kinds, StorageType="InMemory")
    put(asker, name, id="a", time="1", list=["1", "1"], set=["x", "x"], vector=["0.5", "1"])
    assert got(asker, name, "a") == {
        "id": "a", "time": "1", "list": ["1", "1"], "set": ["x"], "vector": ["0.5", "1"]
    }  # fmt: skip
    for wrong in ({"list": ["a"]}, {"set": "x"}, {"vector": ["1"]}):
        assert put(asker, name, id="a", time="2", **wrong)[0] == 400


def test_a_batch_leaves_out_what_is_not_there(asker: Asker, houses: str) -> None:
    group(asker, "cars")
    put(asker, houses, id="a", time="1", rooms="1")
    put(asker, "cars", id="b", time="1", price="2")
    wanted = [
        {"FeatureGroupName": "houses", "RecordIdentifiersValueAsString": ["a", "z"], "FeatureNames": ["rooms"]},
        {"FeatureGroupName": "cars", "RecordIdentifiersValueAsString": ["b"]},
    ]
    status, answer = said(asker, "POST", "/BatchGetRecord", {"Identifiers": wanted})
    assert (status, answer["Errors"], answer["UnprocessedIdentifiers"]) == (200, [], [])
    assert [(each["FeatureGroupName"], each["Record"]) for each in answer["Records"]] == [
        ("houses", values(rooms="1")),
        ("cars", values(id="b", time="1", price="2")),
    ]
    missing = {"FeatureGroupName": "none", "RecordIdentifiersValueAsString": ["a"]}
    assert said(asker, "POST", "/BatchGetRecord", {"Identifiers": [*wanted, missing]})[0] == 404


def test_entries_of_a_batch_are_put_or_refused_for_themselves(asker: Asker, houses: str) -> None:
    entries = [
        {"FeatureGroupName": houses, "Record": values(id="a", time="1")},
        {"FeatureGroupName": houses, "Record": values(id="b", time="soon")},
    ]
    status, answer = said(asker, "POST", "/BatchWriteRecord", {"Entries": entries})
    assert (status, [(each["ErrorCode"], each["Entry"]) for each in answer["Errors"]]) == (
        200,
        [("ValidationError", entries[1])],
    )
    assert (got(asker, houses, "a"), got(asker, houses, "b")) == ({"id": "a", "time": "1"}, None)


def test_some_features_of_a_record_are_updated(asker: Asker) -> None:
    name = group(asker, "v2", StorageType="Standard_V2")

    def update(identifier: str, **given: Any) -> Any:
        body = {"RecordIdentifierValueAsString": identifier, "Features": values(**given)}
        return said(asker, "POST", f"/FeatureGroup/{name}/Record", body)

    assert update("a", rooms="1")[1][0] == "ResourceNotFound"
    put(asker, name, id="a", time="10", rooms="1", note="x")
    assert update("a", rooms="2") == (200, {})
    assert update("a", time="9", rooms="3")[1][0] == "ConflictException"
    assert update("a", time="11", price="5") == (200, {})
    assert got(asker, name, "a") == {"id": "a", "time": "11", "rooms": "2", "note": "x", "price": "5"}


def test_identifiers_are_listed_by_pages(asker: Asker, houses: str) -> None:
    for each in ("a", "b", "c"):
        put(asker, houses, id=each, time="1")
    delete(asker, houses, "b", "2")
    path = f"/FeatureGroup/{houses}/ListRecords"
    _, first = said(asker, "POST", path, {"MaxResults": 1})
    _, second = said(asker, "POST", path, {"MaxResults": 1, "NextToken": first["NextToken"]})
    assert sorted([*first["RecordIdentifiers"], *second["RecordIdentifiers"]]) == ["a", "c"]
    assert "NextToken" not in second
    all_of_them = said(asker, "POST", path, {"IncludeSoftDeletedRecords": True})[1]
    assert sorted(all_of_them["RecordIdentifiers"]) == ["a", "b", "c"]
    for token in ("x", "-", "--1", "1.0", str(2**63), str(-(2**63) - 1), "9" * 20):
        assert said(asker, "POST", path, {"NextToken": token})[0] == 400, token


def test_groups_that_come_and_go_have_records_of_their_own(asker: Asker, houses: str) -> None:
    put(asker, houses, id="a", time="1")
    asker.call("UpdateFeatureGroup", FeatureGroupName=houses, FeatureAdditions=[
        {"FeatureName": "garden", "FeatureType": "String"}
    ])  # fmt: skip
    put(asker, houses, id="a", time="2", garden="yes")
    assert got(asker, houses, "a", FeatureName="garden") == {"garden": "yes"}
    asker.call("DeleteFeatureGroup", FeatureGroupName=houses)
    assert put(asker, houses, id="a", time="3")[1][0] == "ResourceNotFound"
    group(asker, houses)
    assert got(asker, houses, "a") is None


def test_stores_that_are_not_there_cannot_be_meant(asker: Asker, houses: str) -> None:
    assert put(asker, houses, {"TargetStores": ["OfflineStore"]}, id="a", time="1")[0] == 400
    assert put(asker, houses, {"TargetStores": ["OnlineStore"]}, id="a", time="1") == (200, {})
