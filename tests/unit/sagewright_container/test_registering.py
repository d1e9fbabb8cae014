"""MLflow's registered models become SageMaker's, each version once."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sagewright_container.tracking.registering import TAG, group_name, register


@pytest.mark.parametrize(
    ("model", "group"),
    [("iris", "iris"), ("iris_flowers v1", "iris-flowers-v1"), ("-a--b-", "a-b"), ("ü", "model"), ("a" * 80, "a" * 63)],
)
def test_names_are_spelled_in_a_groups_letters(model: str, group: str) -> None:
    assert group_name(model) == group


class ClientError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


@dataclass
class SageMaker:
    """Counts what it is asked for."""

    packages: list[dict[str, Any]] = field(default_factory=list)
    groups: set[str] = field(default_factory=set)
    refuses: str = ""

    class exceptions:  # noqa: N801  # as boto3 names it
        ClientError = ClientError

    def create_model_package_group(self, **request: Any) -> None:
        if self.refuses or request["ModelPackageGroupName"] in self.groups:
            raise ClientError(self.refuses or "ValidationException")
        self.groups.add(request["ModelPackageGroupName"])

    def create_model_package(self, **request: Any) -> dict[str, str]:
        self.packages.append(request)
        return {"ModelPackageArn": f"arn:{len(self.packages)}"}


class Store:
    """MLflow's registry, a page per version."""

    def __init__(self, *names: str) -> None:
        self.versions = [
            SimpleNamespace(
                name=name, version=number, run_id="r", description="", creation_timestamp=number, tags=dict[str, str]()
            )
            for number, name in enumerate(names, 1)
        ]

    def search_model_versions(self, _filter: str, max_results: int, page_token: str | None) -> Any:
        place = int(page_token or 0)

        class Page(list[Any]):
            token = str(place + 1) if place + 1 < len(self.versions) else None

        return Page(self.versions[place : place + 1])

    def get_model_version_download_uri(self, name: str, version: int) -> str:
        return f"s3://b/{name}/{version}"

    def set_model_version_tag(self, name: str, version: int, tag: tuple[str, str]) -> None:
        for each in self.versions:
            if (each.name, each.version) == (name, version):
                each.tags[tag[0]] = tag[1]


@pytest.fixture(autouse=True)
def entities(monkeypatch: pytest.MonkeyPatch) -> None:
    """What of MLflow's own is needed."""
    module = ModuleType("mlflow.entities.model_registry")
    module.ModelVersionTag = lambda key, value: (key, value)  # type: ignore[attr-defined]
    for name in ("mlflow", "mlflow.entities"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_each_version_gets_one_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEWRIGHT_TRACKING_ARN", "arn:t")
    store, sagemaker = Store("m a", "m a", "n"), SageMaker()
    for _ in range(2):
        register(store, sagemaker)
    assert sagemaker.groups == {"m-a", "n"}
    assert [each["ModelPackageGroupName"] for each in sagemaker.packages] == ["m-a", "m-a", "n"]
    assert [version.tags[TAG] for version in store.versions] == ["arn:1", "arn:2", "arn:3"]
    first = sagemaker.packages[0]
    assert (first["SourceUri"], first["ModelApprovalStatus"]) == ("s3://b/m a/1", "PendingManualApproval")
    assert first["CustomerMetadataProperties"] == {
        "mlflow.model_name": "m a",
        "mlflow.model_version": "1",
        "mlflow.run_id": "r",
        "mlflow.tracking_server": "arn:t",
    }
    assert len({each["ClientToken"] for each in sagemaker.packages}) == 3


def test_a_crash_in_between_asks_with_the_same_token() -> None:
    store, sagemaker = Store("m"), SageMaker()
    register(store, sagemaker)
    store.versions[0].tags.clear()
    register(store, sagemaker)
    assert len({each["ClientToken"] for each in sagemaker.packages}) == 1


def test_what_is_refused_is_told() -> None:
    with pytest.raises(ClientError, match="AccessDeniedException"):
        register(Store("m"), SageMaker(refuses="AccessDeniedException"))
