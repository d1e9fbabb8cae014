"""Getting things into and out of a task's /opt/ml: objects, configuration. (Archives are in `archives.py`.)

The folder belongs to code that nobody trusts: after the task ran, nothing in it is followed out of it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from sagewright.base.errors import AwsError, SagewrightError, Terminal, Transient
from sagewright.controllers.platform import ObjectFiles

FAILURE_LIMIT = 1024
"""Characters of a FailureReason, as the service model has it."""


def split_uri(uri: str) -> tuple[str, str]:
    """(bucket, key) of `s3://bucket/key`. Raises Terminal."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "https") or not bucket:
        raise Terminal(f"ClientError: {uri!r} is not an S3 URI. Write it as s3://bucket/key.")
    return bucket, key


def fetch(objects: ObjectFiles, uri: str, target: Path) -> None:
    """One object into a file. Raises Terminal with the URI when it is not there."""
    bucket, key = split_uri(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        objects.materialise(bucket, key, target)
    except Transient:
        raise
    except AwsError as error:
        raise Terminal(f"ClientError: Data download failed for {uri}: {error}") from error
    except SagewrightError as error:
        raise Terminal(f"ClientError: Could not find the object {uri}: {error} Upload it, then try again.") from error


def fetch_prefix(objects: ObjectFiles, uri: str, folder: Path) -> int:
    """Every object under a prefix into a folder, keeping the paths below the prefix. Returns how many."""
    bucket, prefix = split_uri(uri)
    count = 0
    try:
        for key, _size, _etag in objects.list(bucket, prefix):
            if key.endswith("/"):
                continue  # consoles make such empty objects to show a folder
            target = _inside(folder, relative_to_prefix(key, prefix))
            target.parent.mkdir(parents=True, exist_ok=True)
            objects.materialise(bucket, key, target)
            count += 1
    except Transient:
        raise
    except SagewrightError as error:
        raise Terminal(f"ClientError: Data download failed for {uri}: {error}") from error
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise Terminal(f"ClientError: The keys under {uri} cannot all be files of one folder: {error}") from error
    return count


def read_object(objects: ObjectFiles, bucket: str, key: str) -> bytes:
    """All bytes of an object. Raises what the objects raise."""
    stored = objects.stored(bucket, key)
    if stored.data is not None:
        return stored.data
    with tempfile.TemporaryDirectory(prefix="sagewright-") as folder:
        objects.materialise(bucket, key, Path(folder, "object"))
        return Path(folder, "object").read_bytes()


def put(objects: ObjectFiles, bucket: str, key: str, path: Path, *, md5: str | None = None) -> None:
    """A file into an object. Raises Terminal with where it should have gone."""
    try:
        objects.put_file(bucket, key, path, md5=md5)
    except Transient:
        raise
    except SagewrightError as error:
        raise Terminal(f"ClientError: The output could not be written to s3://{bucket}/{key}: {error}") from error


def relative_to_prefix(key: str, prefix: str) -> str:
    """Where an object lands below its channel: `s3://b/data` puts `data/a/b.csv` at `a/b.csv`, and a prefix that
    names one object at that object's own name."""
    rest = key[len(prefix) :]
    if prefix.endswith("/") or prefix == "":
        return rest
    if rest.startswith("/"):
        return rest[1:]
    return key[prefix.rfind("/") + 1 :]


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(value))


def read_inside(folder: Path, relative: str, *, limit: int) -> str:
    """The beginning of a text file that a task left, '' if there is none or if a link leads elsewhere."""
    path = folder / relative
    try:
        if not path.resolve(strict=True).is_relative_to(folder.resolve()) or not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(limit * 4).decode("utf-8", "replace")[:limit]
    except OSError:
        return ""


def of_task(ml: Path, relative: str) -> Path | None:
    """A folder that a task left below its /opt/ml; None if there is none, or a link on the way to it."""
    folder = ml / relative
    if not folder.is_dir() or folder.resolve() != ml.resolve() / relative:
        return None
    return folder


def files_below(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every regular file, with its path below the folder. Links are not followed."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if path.is_file() and not path.is_symlink():
                yield path, path.relative_to(folder).as_posix()


def has_files(folder: Path) -> bool:
    return next(files_below(folder), None) is not None


def _inside(folder: Path, relative: str) -> Path:
    parts = PurePosixPath(relative.lstrip("/")).parts
    if not parts or ".." in parts:
        raise Terminal(f"ClientError: The object key {relative!r} cannot be a file below its channel.")
    return folder.joinpath(*parts)
