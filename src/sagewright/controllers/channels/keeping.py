"""Keeping the bytes of stored objects for a task: as links to the stored files where it cannot write to them.

A blob never changes, so a link of it is as good as a copy, costs nothing, and keeps the bytes when the object is
overwritten or deleted. Links stand in `DATA/tasks/<id>`, beside the task's /opt/ml, and reach it by read-only mounts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sagewright.controllers.channels.listing import Item
from sagewright.controllers.platform import ObjectFiles

_PER_FOLDER: Final = 1024


def link(objects: ObjectFiles, item: Item, target: str) -> None:
    """Make `target` a file with the object's bytes, never to be written to. Raises FileExistsError."""
    stored = item.stored
    if stored.path is not None:
        try:
            os.link(stored.path, target)
            return
        except FileExistsError:
            raise
        except OSError:
            pass  # overwritten meanwhile, no links on this file system, too many of this file: the bytes do as well
    elif stored.data is not None:
        write(target, stored.data)
        return
    if os.path.lexists(target):
        raise FileExistsError(f"{target} stands for two keys")
    objects.materialise(item.bucket, stored.key, Path(target))


def write(target: str, data: bytes) -> None:
    """A new file. Raises FileExistsError."""
    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
    finally:
        os.close(file)


class Pile:
    """A folder that holds many objects' bytes without their names.

        small             the bytes of all objects that have no file of their own, one after another
        <n // 1024>/<n>   the file of one object, n from 1
        index             a line for each object: `<n, or 0 for small> <offset> <size> <path>`, and `end`

    The toolkit's pipes read it (`sagewright_container/pipes.py`), so its form is a contract with that package.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is made; it must not be there."""
        folder.mkdir(parents=True)
        self._folder = str(folder)
        self._small = (folder / "small").open("xb", buffering=1 << 18)
        self._index = (folder / "index").open("xb", buffering=1 << 18)
        self._offset = 0
        self._files = 0

    def add(self, objects: ObjectFiles, item: Item) -> None:
        """Keep an object's bytes."""
        if item.stored.data is not None:
            self.add_bytes(item.stored.data, item.path)
            return
        number = self._files = self._files + 1
        folder = f"{self._folder}/{number // _PER_FOLDER}"
        if number % _PER_FOLDER == 0 or number == 1:
            os.mkdir(folder)
        link(objects, item, f"{folder}/{number}")
        self._note(number, 0, item.stored.size, item.path)

    def add_bytes(self, data: bytes, path: str = "") -> None:
        """Keep bytes that are no object's."""
        self._small.write(data)
        self._note(0, self._offset, len(data), path)
        self._offset += len(data)

    def close(self) -> None:
        """All is there."""
        self._small.close()
        self._index.write(b"end\n")
        self._index.close()

    def _note(self, file: int, offset: int, size: int, path: str) -> None:
        name = path.encode("utf-8", "surrogateescape").replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
        self._index.write(b"%d %d %d %s\n" % (file, offset, size, name))
