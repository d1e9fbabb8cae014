"""What the hot path has to know of feature groups, read off their records once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.base.clock import Clock
from sagewright.dataplane.features.changes import Layout
from sagewright.dataplane.features.event_time import LAST, SECOND
from sagewright.dataplane.features.schema import Feature, Schema
from sagewright.dataplane.features.store import FeatureFiles
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

KIND: Final = "feature-group"
_UNITS: Final = {"Seconds": 1, "Minutes": 60, "Hours": 3_600, "Days": 86_400, "Weeks": 604_800}


@dataclass(frozen=True, slots=True)
class Group:
    """A group that there is. `ttl`, in microseconds, is how long records live that do not say it themselves."""

    uid: str
    name: str
    arn: str
    schema: Schema
    online: bool
    storage: str
    """Standard, Standard_V2 or InMemory."""
    ttl: int | None
    offline: Layout | None


class FeatureStore:
    """Groups, and the files of their records."""

    def __init__(self, store: Store, folder: Path, clock: Clock) -> None:
        self.files = FeatureFiles(folder, clock, alone=store.local)
        self._store = store
        self._known: dict[Key, Group] = {}
        self._changes = 0
        self._lock = threading.Lock()
        store.subscribe(self._changed)
        store.look_anew(self._look_anew)

    def known(self, key: Key) -> Group | None:
        """A group that was looked at before and has not changed since."""
        return self._known.get(key) if self._store.local else None

    def group(self, key: Key) -> Group | None:
        """The group of a record; None where there is none."""
        if (known := self.known(key)) is not None:
            return known
        changes = self._changes
        record = self._store.get(key)
        if record is None:
            return None
        group = group_of(record)
        with self._lock:
            if changes == self._changes:  # else it may be old already
                self._known[key] = group
        return group

    def _changed(self, key: Key) -> None:
        if key.kind == KIND:
            with self._lock:
                self._changes += 1
                self._known.pop(key, None)

    def _look_anew(self) -> None:
        with self._lock:
            self._changes += 1
            self._known.clear()

    def close(self) -> None:
        self.files.close()


def group_of(record: Record) -> Group:
    """What a record says."""
    spec = record.spec
    online = spec.get("OnlineStoreConfig", {})
    schema = Schema.of(
        spec["RecordIdentifierFeatureName"],
        spec["EventTimeFeatureName"],
        map(_feature, spec["FeatureDefinitions"]),
    )
    return Group(
        uid=record.uid,
        name=record.name,
        arn=record.status["FeatureGroupArn"],
        schema=schema,
        online=bool(online.get("EnableOnlineStore")),
        storage=online.get("StorageType", "Standard"),
        ttl=ttl_of(online.get("TtlDuration")),
        offline=_layout(record, schema),
    )


def ttl_of(duration: Mapping[str, Any] | None) -> int | None:
    """Microseconds, at most as many as there are times; None where none is given."""
    if not duration or "Value" not in duration:
        return None
    return min(int(duration["Value"]) * _UNITS[duration["Unit"]] * SECOND, LAST)


def _feature(definition: Mapping[str, Any]) -> Feature:
    vector = definition.get("CollectionConfig", {}).get("VectorConfig", {})
    return Feature(
        definition["FeatureName"],
        definition["FeatureType"],
        definition.get("CollectionType", ""),
        int(vector.get("Dimension", 0)),
    )


def _table(config: Mapping[str, Any]) -> tuple[str, str] | None:
    """Database and name of its table; None where it has none that we keep."""
    catalog = config.get("DataCatalogConfig")
    if catalog is None or config.get("DisableGlueTableCreation"):
        return None
    return catalog["Database"], catalog["TableName"]


def _layout(record: Record, schema: Schema) -> Layout | None:
    config = record.spec.get("OfflineStoreConfig")
    if config is None:
        return None
    text = orjson.dumps(
        {
            "group": list(record.key),
            "role": record.spec["RoleArn"],
            "place": config["S3StorageConfig"]["ResolvedOutputS3Uri"],
            "table": _table(config),
            "schema": schema.text(),
            **({"format": "Iceberg"} if config.get("TableFormat") == "Iceberg" else {}),
        }
    )
    return Layout(hashlib.sha256(text).hexdigest()[:16], text.decode())
