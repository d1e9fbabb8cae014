"""Where an instance of a multi-model endpoint finds its models: one folder each, which its task only reads.

The folder lies beside the task's /opt/ml, not in it: what a task may write it could make lead elsewhere.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from sagewright.base.errors import Terminal, Transient
from sagewright.compute.base import Mount
from sagewright.controllers import archives, staging
from sagewright.controllers.platform import ObjectsAs
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.models import NoSuchModel, Source

INSIDE: Final = "/opt/ml/models"
_AT_ONCE: Final = 4
"""Downloads at the same time."""


def mount(task_folder: Path) -> Mount:
    """The folder of a task's models, made, as the task is shown it."""
    folder = _models(task_folder)
    folder.mkdir(parents=True, exist_ok=True)
    return Mount(folder, INSIDE)


class ModelFolders:
    """Implements `Folders` of the data plane."""

    def __init__(self, objects_as: ObjectsAs, tasks: Path) -> None:
        self._objects_as = objects_as
        self._tasks = tasks
        self._threads = ThreadPoolExecutor(_AT_ONCE, "models")

    async def fetch(self, task: str, source: Source, target: str, name: str) -> str:
        """Download and unpack; where the container finds it. Raises NoSuchModel, Unreachable."""
        await self._in_thread(lambda: self._fetch(self._folder(task), source, target, name))
        return f"{INSIDE}/{name}/model"

    async def remove(self, task: str, name: str) -> None:
        """Remove a model's files. Silent if there are none."""
        await self._in_thread(lambda: shutil.rmtree(self._folder(task) / name, ignore_errors=True))

    async def keep_only(self, task: str, names: Collection[str]) -> None:
        """Remove the files of all other models."""

        def remove() -> None:
            folder = self._folder(task)
            for each in folder.iterdir() if folder.is_dir() else ():
                if each.name not in names:
                    shutil.rmtree(each, ignore_errors=True)

        await self._in_thread(remove)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _folder(self, task: str) -> Path:
        return _models(self._tasks / task)

    def _fetch(self, models: Path, source: Source, target: str, name: str) -> None:
        uri = f"{source.prefix.rstrip('/')}/{target}"
        bucket, key = staging.split_uri(uri)
        folder = models / name
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir()
        except FileNotFoundError:
            raise Unreachable("The instance is gone.", sent=False) from None
        archive = folder / "archive"
        try:
            staging.fetch(self._objects_as(source.role, source.region), uri, archive)
        except Transient as error:
            raise Unreachable(str(error), sent=False) from error
        except Terminal:
            raise NoSuchModel(
                f"Failed to download model data(bucket: {bucket}, key: {key}). Please ensure that there is an object "
                "located at the URL and that the role passed to CreateModel has permissions to download the model."
            ) from None
        try:
            archives.extract(archive, folder / "model", name=f"The model artifact {uri}")
        except Terminal as error:
            raise NoSuchModel(str(error).removeprefix("ClientError: ")) from error
        archive.unlink()


def _models(task_folder: Path) -> Path:
    return task_folder / "models"
