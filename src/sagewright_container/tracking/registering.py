"""Models that are registered in MLflow, registered with SageMaker as well: a group per model, a package per version.

The tracking server's role makes them, as on AWS. A version that has its package carries the package's ARN as a tag, so
nothing is registered twice and what was deleted in SageMaker stays deleted. A thread looks when MLflow has written a
version, when the server starts, and now and then.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import re
import threading
from collections.abc import Iterator
from typing import Any

_LOG = logging.getLogger("sagewright.registering")
TAG = "sagemaker.model_package_arn"
_EVERY_S = 60.0
_COMMITTED_S = 0.1
"""MLflow tells of a version just before it commits it."""
_NAME_LENGTH = 63
_EXISTS = ("ValidationException", "ConflictException", "ResourceInUse")


class Registrar(threading.Thread):
    """Ends with the process."""

    def __init__(self) -> None:
        super().__init__(name="registrar", daemon=True)
        self._written = threading.Event()

    def run(self) -> None:
        sqlalchemy = importlib.import_module("sqlalchemy")
        versions = importlib.import_module("mlflow.store.model_registry.dbmodels.models").SqlModelVersion
        sqlalchemy.event.listen(versions, "after_insert", lambda *_: self._written.set())
        store = importlib.import_module("mlflow.server.handlers")._get_model_registry_store()
        sagemaker = importlib.import_module("boto3").client("sagemaker")
        while True:
            try:
                register(store, sagemaker)
            except Exception as problem:  # noqa: BLE001 - away, or refused: said, and tried again
                _LOG.warning("Models could not be registered with SageMaker: %s", problem)
            if self._written.wait(_EVERY_S):
                threading.Event().wait(_COMMITTED_S)
                self._written.clear()


def register(store: Any, sagemaker: Any) -> None:
    """Give every version that has none its package."""
    entities = importlib.import_module("mlflow.entities.model_registry")
    for version in _versions(store):
        if TAG in version.tags:
            continue
        arn = _package(sagemaker, version, store)
        store.set_model_version_tag(version.name, version.version, entities.ModelVersionTag(TAG, arn))
        _LOG.info("Version %s of %s is registered as %s.", version.version, version.name, arn)


def _versions(store: Any) -> Iterator[Any]:
    token = None
    while True:
        page = store.search_model_versions("", max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _package(sagemaker: Any, version: Any, store: Any) -> str:
    group = group_name(version.name)
    try:
        sagemaker.create_model_package_group(
            ModelPackageGroupName=group, ModelPackageGroupDescription=f"Registered in MLflow as {version.name}"[:1024]
        )
    except sagemaker.exceptions.ClientError as refused:
        if refused.response["Error"]["Code"] not in _EXISTS:
            raise
    source = store.get_model_version_download_uri(version.name, version.version)
    told = {
        "mlflow.model_name": version.name,
        "mlflow.model_version": str(version.version),
        "mlflow.run_id": version.run_id or "",
        "mlflow.tracking_server": os.environ.get("SAGEWRIGHT_TRACKING_ARN", ""),
    }
    answer = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelPackageDescription=(version.description or f"Version {version.version} of {version.name} in MLflow")[
            :1024
        ],
        ModelApprovalStatus="PendingManualApproval",
        SourceUri=source,
        CustomerMetadataProperties={name: value[:256] for name, value in told.items() if value},
        # Of this very version: asked again after a crash, the answer is the package that is there.
        ClientToken=hashlib.sha256(f"{told}{version.creation_timestamp}".encode()).hexdigest()[:36],
    )
    arn: str = answer["ModelPackageArn"]
    return arn


def group_name(model: str) -> str:
    """A model's name in the letters that a group's may have: letters, digits and single hyphens inside."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", model).strip("-")[:_NAME_LENGTH].strip("-") or "model"
