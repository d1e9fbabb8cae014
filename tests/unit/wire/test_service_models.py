"""The models as we load them: patched, without prose, and told apart by a table that matches botocore's data."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import get_session

from sagewright.wire import model
from sagewright.wire.model import SERVICES, Service, service


@pytest.fixture(scope="module")
def loader() -> Any:
    return get_session().get_component("data_loader")


@pytest.mark.parametrize("row", SERVICES.values(), ids=lambda row: row.name)
def test_the_table_is_botocores(row: Service, loader: Any) -> None:
    metadata = loader.load_service_model(row.name, "service-2")["metadata"]
    assert row.signing_name == metadata.get("signingName", metadata["endpointPrefix"])
    assert row.target_prefix == metadata.get("targetPrefix")
    assert row.protocols == tuple(metadata.get("protocols", [metadata["protocol"]]))


def test_every_sagemaker_operation_is_there(loader: Any) -> None:
    theirs = loader.load_service_model("sagemaker", "service-2")["operations"]
    assert set(service("sagemaker").operation_names) == set(theirs)
    assert len(theirs) >= 425


def test_a_model_is_loaded_once_and_without_prose() -> None:
    assert service("sagemaker") is service("sagemaker")
    assert service("sagemaker").operation_model("CreateTrainingJob").documentation == ""


def test_a_member_called_documentation_stays() -> None:
    node = {"documentation": "prose", "members": {"documentation": {"shape": "Text", "documentation": "prose"}}}
    model._drop_prose(node)
    assert node == {"members": {"documentation": {"shape": "Text"}}}


def test_an_unknown_service() -> None:
    with pytest.raises(KeyError, match="sagemakr"):
        service("sagemakr")


def test_every_patch_says_why_and_fits() -> None:
    for name, changes in model._patches().items():
        assert name in SERVICES
        assert all(len(change["why"]) > 20 for change in changes)
        service(name)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"op": "add", "path": "/a/x~1y", "value": 1}, {"a": {"b": [1, 2], "x/y": 1}}),
        ({"op": "add", "path": "/a/b/-", "value": 3}, {"a": {"b": [1, 2, 3]}}),
        ({"op": "add", "path": "/a/b/0", "value": 0}, {"a": {"b": [0, 1, 2]}}),
        ({"op": "replace", "path": "/a/b", "value": 0}, {"a": {"b": 0}}),
        ({"op": "remove", "path": "/a/b/0"}, {"a": {"b": [2]}}),
        ({"op": "remove", "path": "/a"}, {}),
    ],
)
def test_changes(change: dict[str, Any], expected: dict[str, Any]) -> None:
    document = {"a": {"b": [1, 2]}}
    model._apply(document, change)
    assert document == expected


@pytest.mark.parametrize("change", [{"op": "remove", "path": "/z"}, {"op": "replace", "path": "/z", "value": 1}])
def test_a_change_that_no_longer_fits(change: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        model._apply({"a": 1}, change)
