"""What a batch transform job leaves: its outputs in S3, manifests of what was captured, the words for why it failed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.compute.base import TaskState
from sagewright.controllers import staging, transform_plan
from sagewright.controllers.platform import ObjectFiles, Platform, tail
from sagewright.controllers.pump import last_lines
from sagewright.controllers.transform_plan import Item, PlanFolder
from sagewright.controllers.transform_task import FOLDER
from sagewright.resources.record import Record
from sagewright.resources.transform_job import LOG_GROUP, Instance, data_log

_RESULT_LIMIT: Final = 1 << 20
_LOG_BATCH: Final = 4 << 20
"""Bytes of a data log that are carried in one go."""
_LOST: Final = (
    "InternalServerError: The machine lost the transform task before it ended "
    "(it was restarted, or somebody killed the task's supervisor). Start the job again."
)
_OUT_OF_MEMORY: Final = (
    "AlgorithmError: OutOfMemoryError: Please use an instance type with more memory, or a smaller MaxPayloadInMB or "
    "MaxConcurrentTransforms."
)
_SEE: Final = "See job logs for more information"


def upload(platform: Platform, record: Record, folder: PlanFolder, instances: Sequence[Instance]) -> list[Item]:
    """Put every output that is whole into S3. Returns the objects that have one, in the order of the input.

    One that was put there before this server was killed is not put there again. Raises Terminal where the role may not
    write there.
    """
    objects = _objects(platform, record)
    there = folder.uploaded()
    items = folder.items() or ()
    for instance in instances:
        for number, item in enumerate(transform_plan.dealt(items, instance["number"], len(instances))):
            path = _output(platform, instance, number)
            if item.relative in there or path is None:
                continue
            staging.put(objects, *transform_plan.output_key(record, item), path)
            folder.note_upload(item.relative)
            there.add(item.relative)
    return [item for item in items if item.relative in there]


def capture(platform: Platform, record: Record, folder: PlanFolder, done: Sequence[Item]) -> None:
    """Data capture: manifests of what went in and what came out, by the hour in which the job began."""
    config = record.spec.get("DataCaptureConfig")
    if not config or not done:
        return
    objects = _objects(platform, record)
    bucket, prefix = staging.split_uri(config["DestinationS3Uri"])
    hour = datetime.fromtimestamp(record.created, UTC).strftime("%Y/%m/%d/%H")
    for side, addresses in (
        ("input", [(item.bucket, item.key) for item in done]),
        ("output", [transform_plan.output_key(record, item) for item in done]),
    ):
        for place, keys in _by_bucket(addresses).items():
            path = folder.scratch()
            path.write_bytes(orjson.dumps([{"prefix": f"s3://{place}/"}, *keys]))
            # The same name again when this is done again.
            name = uuid.uuid5(uuid.NAMESPACE_URL, f"{record.uid}/{side}/{place}")
            staging.put(objects, bucket, "/".join(filter(None, (prefix.strip("/"), side, hour, f"{name}.json"))), path)


def _by_bucket(addresses: Sequence[tuple[str, str]]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for bucket, key in addresses:
        found.setdefault(bucket, []).append(key)
    return found


def carry_data_log(platform: Platform, record: Record, instance: Instance) -> None:
    """Append what is new of what an instance's data log says."""
    logs = platform.logs.at(record.key.account, record.key.region)
    stream = data_log(instance)
    path = _file(platform, instance, "data-log")
    if path is None:
        return
    while lines := list(_log_lines(path, logs.source_offset(LOG_GROUP, stream))):
        logs.append_from(LOG_GROUP, stream, lines)


def _log_lines(path: Path, offset: int) -> Iterator[tuple[int, str, int]]:
    """(epoch milliseconds, text, offset behind it) of the next whole lines."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(_LOG_BATCH)
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            return
        offset += len(line)
        time, _, text = line.decode("utf-8", "replace").rstrip("\n").partition(" ")
        if time.isdecimal() and len(time) < 15:
            yield int(time), text, offset


def failure_reason(platform: Platform, ends: Mapping[str, TaskState], instances: Sequence[Instance]) -> str:
    """Why the job failed, in AWS's words, with what the container said and where the rest stands."""
    for instance in instances:
        task = ends[instance["task"]]
        if task.phase == "lost":
            return _LOST
        if task.out_of_memory:
            return f"{_OUT_OF_MEMORY} Exit code: {task.exit_code}"
        if task.phase == "exited" and task.exit_code == 0:
            continue
        return _of_instance(platform, instance, task)
    return "AlgorithmError: An output is missing although all instances ended well. Start the job again."


def _of_instance(platform: Platform, instance: Instance, task: TaskState) -> str:
    result = _result(platform, instance)
    where = f"log group {LOG_GROUP}, log stream {data_log(instance)}"
    match result:
        case {"failures": [{"kind": str() as kind, "object": str() as name, "reason": str() as said}, *others]}:
            more = f" {len(others)} more objects failed." if others else ""
            end = f"{more} ({where})"
            return f"{kind}: {_SEE}. {name}: {said}"[: staging.FAILURE_LIMIT - len(end)] + end
        case {"error": str() as said} if said:
            head = said
        case _:
            head = f"AlgorithmError: {_SEE}. The container ended with exit code {task.exit_code}."
    lines = tail(last_lines(platform, instance["task"]), limit=540)
    return f"{head} (log group {LOG_GROUP}, log stream {instance['log_stream']}) Its last lines: {lines}"


def _result(platform: Platform, instance: Instance) -> Any:
    path = _file(platform, instance, "result.json")
    if path is None or path.stat().st_size > _RESULT_LIMIT:
        return None
    try:
        return orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        return None


def _output(platform: Platform, instance: Instance, number: int) -> Path | None:
    return _file(platform, instance, f"output/{number}")


def _file(platform: Platform, instance: Instance, relative: str) -> Path | None:
    """A file that a task left in its folder; None where there is none, or a link on the way to it."""
    parent, _, name = f"{FOLDER}/{relative}".rpartition("/")
    folder = staging.of_task(platform.ml_folder(instance["task"]), parent)
    if folder is None:
        return None
    path = folder / name
    return path if path.is_file() and not path.is_symlink() else None


def _objects(platform: Platform, record: Record) -> ObjectFiles:
    return platform.objects_as(record.spec["model"]["ExecutionRoleArn"], record.key.region)
