"""Documents of Iceberg tables: which of them counts is in Glue's catalog, they and what they name are in S3."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from sagewright.base.errors import SagewrightError
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.iceberg import schemas
from sagewright.dataplane.iceberg.commits import BadTable, Metadata, Written

_log = logging.getLogger(__name__)
LOCATION: Final = "metadata_location"
_BEFORE: Final = "previous_metadata_location"
_LARGEST: Final = 256 << 20
"""Bytes of a document, and of a list of manifests."""


class Files(Protocol):
    """S3 as somebody may use it."""

    def put_bytes(self, bucket: str, key: str, data: bytes) -> object: ...
    def materialise(self, bucket: str, key: str, target: Path) -> object: ...
    def remove(self, bucket: str, key: str) -> object: ...


def entry(name: str, location: str, written: Written, before: Mapping[str, Any]) -> dict[str, Any]:
    """The TableInput of a table with this document; `before` is the catalog's table that it takes the place of."""
    kept = dict(before.get("Parameters", {}))
    if before:
        kept[_BEFORE] = kept[LOCATION]
    parameters = {**kept, "table_type": "ICEBERG", LOCATION: f"{location.rstrip('/')}/{written.document}"}
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "StorageDescriptor": {"Columns": schemas.columns(written.table), "Location": location},
    }


def put(files: Files, location: str, written: Written) -> None:
    """The objects of a commit, before it is one."""
    bucket, prefix = split_uri(location)
    for key, data in written.objects:
        files.put_bytes(bucket, f"{prefix.rstrip('/')}/{key}", data)


def replace(
    files: Files,
    ask: Callable[..., object],
    place: tuple[str, str],
    location: str,
    before: Mapping[str, Any],
    made: Written,
) -> None:
    """The commit: its objects, and the catalog's table, where `before` is still what stands there. `ask` puts a request
    to Glue, by an operation and its members.

    Raises AwsError, with ConcurrentModificationException where somebody else's commit came first.
    """
    put(files, location, made)
    database, name = place
    entered = entry(name, location, made, before)
    version = {"VersionId": before["VersionId"]} if "VersionId" in before else {}
    # Else a version would be kept of each commit.
    ask("UpdateTable", DatabaseName=database, TableInput=entered, SkipArchive=True, **version)
    remove_all(files, location, made.unused)


def document_of(table: Mapping[str, Any]) -> str:
    """The address of the document that counts, by the catalog's table. Raises BadTable."""
    found: str | None = table.get("Parameters", {}).get(LOCATION)
    if found is None:
        raise BadTable(f"The table {table['Name']} in Glue's catalog is no Iceberg table: it names no {LOCATION}.")
    return found


def remove_all(files: Files, location: str, unused: Sequence[str]) -> None:
    """What is left behind costs its place, and nothing else: VACUUM finds it. Raises nothing."""
    for uri in unused:
        if uri.startswith(f"{location.rstrip('/')}/"):
            try:
                files.remove(*split_uri(uri))
            except (SagewrightError, OSError) as error:
                _log.info("%s is no longer needed, and stays: %s", uri, error)


def load(files: Files, uri: str) -> Metadata:
    """The document at that address. Raises BadTable, and S3's errors."""
    try:
        document: Any = orjson.loads(read(files, uri))
        assert isinstance(document["last-sequence-number"], int)
        assert isinstance(document["location"], str)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise BadTable(f"{uri} is no document of an Iceberg table.") from error
    made: Metadata = document
    return made


def read(files: Files, uri: str) -> bytes:
    """An object that a table names. Raises BadTable where it is too large, and S3's errors."""
    bucket, key = split_uri(uri)
    with tempfile.TemporaryDirectory(prefix="sagewright-iceberg-") as folder:
        target = Path(folder) / "object"
        files.materialise(bucket, key, target)
        if target.stat().st_size > _LARGEST:
            raise BadTable(f"{uri} is larger than {_LARGEST} bytes: let old snapshots expire.")
        return target.read_bytes()
