"""Keeping the bytes of stored objects for a task: as links to the stored files where it cannot write to them.

A blob never changes, so a link of it is as good as a copy, costs nothing, and keeps the bytes when the object is
overwritten or deleted. Links stand in `DATA/tasks/<id>`, beside the task's /opt/ml, and reach it by read-only mounts.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from sagewright.controllers.channels.listing import Item
from sagewright.controllers.platform import ObjectFiles

_PER_FOLDER: Final = 1024
_BUFFER: Final = 1 << 20
_AT_ONCE: Final = 128
_LONGEST: Final = 8192
"""Bytes that surely hold the last line."""
_END: Final = b"end\n"
_FAILED: Final = b"failed "


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
    """A folder that holds many objects' bytes without their names. It may be read while it grows.

        small             the bytes of all objects that have no file of their own, one after another
        <n // 1024>/<n>   the file of one object, n from 1
        index             a line for each object: `<n, or 0 for small> <offset> <size> <path>\\0<key>`; at last `end`,
                          or `failed <why>`

    `sagewright_container/pipes.py` and `mounted.py` read it: its form is a contract with them.
    """

    def __init__(self, folder: Path, *, resume: bool = False, sealed: bool = True) -> None:
        """A new folder, or one that was left incomplete: then its last half line goes.

        `sealed`: whether it is shown read-only. Where it cannot be, bytes are copied.
        """
        self._folder, self._sealed = str(folder), sealed
        self.last = ""
        """The key of the object that was added last."""
        self._offset = self._files = self._unseen = 0
        if resume:
            self._recover(folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
        self._small = (folder / "small").open("ab", buffering=_BUFFER)
        self._index = (folder / "index").open("ab", buffering=_BUFFER)

    def close(self) -> None:
        """Write nothing more."""
        self.flush()
        self._small.close()
        self._index.close()

    def add(self, objects: ObjectFiles, item: Item) -> None:
        """Keep an object's bytes."""
        if item.stored.data is not None:
            self.add_bytes(item.stored.data, item.path, item.stored.key)
            return
        number = self._files = self._files + 1
        folder = f"{self._folder}/{number // _PER_FOLDER}"
        if number % _PER_FOLDER == 0 or number == 1:
            os.makedirs(folder, exist_ok=True)
        target = f"{folder}/{number}"
        if os.path.lexists(target):  # left by one who was killed before he noted it
            os.unlink(target)
        if self._sealed:
            link(objects, item, target)
        else:
            objects.materialise(item.bucket, item.stored.key, Path(target))
        self._note(number, 0, item.stored.size, item.path, item.stored.key)

    def add_bytes(self, data: bytes, path: str = "", key: str = "") -> None:
        """Keep bytes."""
        self._small.write(data)
        self._note(0, self._offset, len(data), path, key)
        self._offset += len(data)

    def flush(self) -> None:
        """Let readers see what was added; never a line before its bytes."""
        self._small.flush()
        self._index.flush()
        self._unseen = 0

    def end(self) -> None:
        """That was all."""
        self._index.write(_END)

    def fail(self, why: str) -> None:
        """The rest cannot be had."""
        self._index.write(_FAILED + _escaped(why) + b"\n")

    def _note(self, file: int, offset: int, size: int, path: str, key: str) -> None:
        self._index.write(b"%d %d %d %s\0%s\n" % (file, offset, size, _escaped(path), _escaped(key)))
        self.last = key
        self._unseen += 1
        if self._unseen == _AT_ONCE:  # before the buffer is full and goes by itself
            self.flush()

    def _recover(self, folder: Path) -> None:
        text = (folder / "index").read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        os.truncate(folder / "index", len(whole))
        line = b""
        for line in whole.splitlines():
            file, offset, size, _ = line.split(b" ", 3)
            if file == b"0":
                self._offset = int(offset) + int(size)
            else:
                self._files = int(file)
        os.truncate(folder / "small", self._offset)
        self.last = _unescaped(line.rpartition(b"\0")[2])


def complete(folder: Path) -> bool:
    """Whether nothing more comes to a pile."""
    with (folder / "index").open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LONGEST))
        last = file.read().rstrip(b"\n").rpartition(b"\n")[2] + b"\n"
        return last == _END or last.startswith(_FAILED)


def _escaped(text: str) -> bytes:
    """On one line."""
    return text.encode("utf-8", "surrogateescape").replace(b"\\", b"\\\\").replace(b"\n", b"\\n")


def _unescaped(text: bytes) -> str:
    return re.sub(rb"\\(.)", lambda m: b"\n" if m[1] == b"n" else m[1], text).decode("utf-8", "surrogateescape")
