"""What a training job leaves: its model and output data in S3, and the words for why it failed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from sagewright.base.errors import Terminal
from sagewright.compute.base import TaskState
from sagewright.controllers import archives, failures, staging
from sagewright.controllers.platform import Platform
from sagewright.resources.record import Record
from sagewright.resources.training_host import Host, hosts, task_id


def upload(platform: Platform, record: Record) -> str:
    """Put the model and the output data of all hosts into S3, as one. Returns the model artifact's URI.

    Of a file that several hosts wrote, the first one's is kept. Raises Terminal where the role may not write there.
    """
    folders = _folders(platform, record)
    models, data = _there(folders, "model"), _there(folders, "output/data")
    output = record.spec["OutputDataConfig"]
    base = f"{output['S3OutputPath'].rstrip('/')}/{record.name}/output"
    bucket, prefix = staging.split_uri(base)
    objects = platform.objects_as(record.spec["RoleArn"], record.key.region)
    if output.get("CompressionType") == "NONE":
        for name, found in (("model", models), ("output", data)):
            for relative, path in _files(found).items():
                staging.put(objects, bucket, f"{prefix}/{name}/{relative}", path)
        return f"{base}/model/"
    packed = {"model.tar.gz": models}
    if any(staging.has_files(folder) for folder in data):
        packed["output.tar.gz"] = data
    for name, found in packed.items():
        archive = folders[0].parent / name
        md5 = archives.pack(found, archive)
        staging.put(objects, bucket, f"{prefix}/{name}", archive, md5=md5)
    return f"{base}/model.tar.gz"


def anything(platform: Platform, record: Record) -> bool:
    """Whether the job left a file that its user may want."""
    folders = _folders(platform, record)
    return any(staging.has_files(found) for name in ("model", "output/data") for found in _there(folders, name))


def salvage(platform: Platform, record: Record) -> None:
    """Put what a failed job left into S3 as well, if that can be: half a model, the notebook up to the failing cell."""
    with contextlib.suppress(Terminal):  # the job's own failure is the one to tell
        upload(platform, record)


def _folders(platform: Platform, record: Record) -> Sequence[Path]:
    """Each host's /opt/ml."""
    return [platform.ml_folder(task_id(record, host)) for host in hosts(record)]


def _there(folders: Sequence[Path], relative: str) -> Sequence[Path]:
    found = (staging.of_task(ml, relative) for ml in folders)
    return [folder for folder in found if folder is not None]


def _files(folders: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders:
        for path, relative in staging.files_below(folder):
            found.setdefault(relative, path)
    return found


def failure_reason(platform: Platform, record: Record, host: Host, task: TaskState) -> str:
    """Why a host failed, in the words its script left, else with the last lines it printed."""
    several = len(hosts(record)) > 1
    identity = task_id(record, host)
    return failures.reason(platform, identity, task, host, what="training", file="output/failure", several=several)
