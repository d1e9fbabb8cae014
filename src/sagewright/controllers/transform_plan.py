"""What a batch transform job reads and writes: its input objects, written down once, dealt over its instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.base.errors import SagewrightError, Terminal, Transient
from sagewright.controllers import staging
from sagewright.controllers.platform import ObjectFiles, Platform
from sagewright.resources.record import Record
from sagewright.resources.transform_job import plan_id

SUFFIX: Final = ".out"
_MANIFEST_LIMIT: Final = 64 << 20
"""Bytes of a manifest that are read: more than half a million keys."""


@dataclass(frozen=True, slots=True)
class Item:
    """An input object, and where its output goes."""

    bucket: str
    key: str
    relative: str
    """Its path below the input's prefix; with `.out` that of its output below the output's."""

    @property
    def name(self) -> str:
        return f"{self.bucket}/{self.key}"


class PlanFolder:
    """What was found out and done for a job as a whole; outside of all that its tasks can see."""

    def __init__(self, platform: Platform, record: Record) -> None:
        self._folder = platform.tasks / plan_id(record)

    def items(self) -> Sequence[Item] | None:
        """In the order in which they are dealt; None when nobody has looked yet."""
        try:
            return [Item(*each) for each in orjson.loads((self._folder / "items.json").read_bytes())]
        except FileNotFoundError:
            return None

    def keep(self, items: Sequence[Item]) -> None:
        """All of them or none: another look at the same prefix might find others."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / "items.json.part"
        part.write_bytes(orjson.dumps([[each.bucket, each.key, each.relative] for each in items]))
        part.replace(self._folder / "items.json")

    def scratch(self) -> Path:
        """A file for a moment's use."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / "scratch"

    def uploaded(self) -> set[str]:
        """The outputs that are in S3 for certain, by their relative paths."""
        try:
            return set((self._folder / "uploaded").read_text().split("\0"))
        except FileNotFoundError:
            return set()

    def note_upload(self, relative: str) -> None:
        """An output is in S3."""
        with (self._folder / "uploaded").open("a") as file:
            file.write(relative + "\0")


def find(objects: ObjectFiles, record: Record, scratch: Path) -> Sequence[Item]:
    """The objects of the job's input. Raises Terminal where there are none, or none that could be told apart."""
    source = record.spec["TransformInput"]["DataSource"]["S3DataSource"]
    uri = source["S3Uri"]
    if source["S3DataType"] == "ManifestFile":
        found = list(_of_manifest(objects, uri, scratch))
    else:
        found = list(_below(objects, uri))
    if not found:
        raise Terminal(
            f"ClientError: No S3 objects found under S3 URL {uri!r}. Please ensure that the bucket exists in the "
            f"selected region ({record.key.region}), and that objects exist under that S3 prefix."
        )
    seen: dict[str, Item] = {}
    for item in found:
        other = seen.setdefault(item.relative, item)
        if other is not item:
            raise Terminal(
                f"ClientError: The outputs of {other.name} and {item.name} would both be {item.relative}{SUFFIX}. "
                "Name the input's prefix with a slash at its end, or list each object once."
            )
    return found


def dealt(items: Sequence[Item], number: int, count: int) -> Sequence[Item]:
    """The objects of one of `count` instances."""
    return items[number::count]


def output_key(record: Record, item: Item) -> tuple[str, str]:
    """(bucket, key) of an object's output."""
    bucket, prefix = staging.split_uri(record.spec["TransformOutput"]["S3OutputPath"])
    return bucket, "/".join(filter(None, (prefix.strip("/"), item.relative + SUFFIX)))


def _below(objects: ObjectFiles, uri: str) -> Iterator[Item]:
    bucket, prefix = staging.split_uri(uri)
    try:
        for key, _size, _etag in objects.list(bucket, prefix):
            if not key.endswith("/"):  # consoles make such empty objects to show a folder
                yield Item(bucket, key, staging.relative_to_prefix(key, prefix))
    except Transient:
        raise
    except SagewrightError as error:
        raise Terminal(f"ClientError: Data download failed for {uri}: {error}") from error


def _of_manifest(objects: ObjectFiles, uri: str, scratch: Path) -> Iterator[Item]:
    """`[{"prefix": "s3://bucket/some/prefix/"}, "relative/path", …]`"""
    staging.fetch(objects, uri, scratch)
    if scratch.stat().st_size > _MANIFEST_LIMIT:
        raise Terminal(f"ClientError: The manifest {uri} has more than {_MANIFEST_LIMIT >> 20} MiB. Use several jobs.")
    try:
        found: Any = orjson.loads(scratch.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Terminal(f"ClientError: The manifest {uri} is not JSON: {error}") from error
    match found:
        case [{"prefix": str() as prefix}, *paths] if all(isinstance(path, str) and path for path in paths):
            bucket, start = staging.split_uri(prefix)
            for path in paths:
                yield Item(bucket, start + path, path.lstrip("/"))
        case _:
            raise Terminal(
                f"ClientError: The manifest {uri} is not of the form "
                '[{"prefix": "s3://bucket/prefix/"}, "relative/path/1", …].'
            )


def told(record: Record, items: Sequence[Item], others: Sequence[str]) -> Mapping[str, Any]:
    """`plan.json`, as `sagewright_container.transform` reads it: the job for one instance.

    `others` are the sockets of a pipeline's further containers, as paths below the job's folder.
    """
    read, written = record.spec["TransformInput"], record.spec["TransformOutput"]
    calls, data = record.spec.get("ModelClientConfig", {}), record.spec.get("DataProcessing", {})
    members = {
        "objects": [
            {"name": item.name, "input": f"input/{number}", "output": f"output/{number}"}
            for number, item in enumerate(items)
        ],
        "others": list(others) or None,
        "content_type": read.get("ContentType"),
        "accept": written.get("Accept"),
        "gzip": read.get("CompressionType") == "Gzip",
        "split": read.get("SplitType", "None"),
        "assemble": written.get("AssembleWith", "None"),
        "strategy": record.spec.get("BatchStrategy"),
        "concurrency": record.spec.get("MaxConcurrentTransforms"),
        "payload_mb": record.spec.get("MaxPayloadInMB"),
        "timeout_s": calls.get("InvocationsTimeoutInSeconds"),
        "retries": calls.get("InvocationsMaxRetries"),
        "input_filter": data.get("InputFilter"),
        "output_filter": data.get("OutputFilter"),
        "join": data.get("JoinSource") == "Input",
        "inference_time": inference_time(record),
    }
    return {member: value for member, value in members.items() if value is not None}


def inference_time(record: Record) -> str | None:
    """When the job began, in the words of what is captured; None where no inference ids are asked for."""
    if not record.spec.get("DataCaptureConfig", {}).get("GenerateInferenceId"):
        return None
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write(folder: Path, plan: Mapping[str, Any]) -> None:
    """All of it or none."""
    part = folder / "plan.json.part"
    staging.write_json(part, plan)
    part.replace(folder / "plan.json")
