"""The account's root access key: one file, which may be replaced while a server works with it.

DATA/…/root.json     {"AccessKeyId": "AKIA…", "SecretAccessKey": "…"}, mode 0600
"""

from __future__ import annotations

import base64
import os
import secrets
import threading
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from sagewright.operations.sts.private_files import kept, replaced

FILE: Final = "root.json"
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class RootKey(NamedTuple):
    """An access key id and its secret."""

    access_key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"RootKey({self.access_key_id})"


def key_id(prefix: str) -> str:
    """A new access key id: `AKIA` for keys that stay, `ASIA` for those that expire."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(16))


def read(folder: Path) -> RootKey:
    """The key in a folder. Raises OSError if there is none."""
    keys = orjson.loads((folder / FILE).read_bytes())
    return RootKey(keys["AccessKeyId"], keys["SecretAccessKey"])


def rotate(folder: Path) -> RootKey:
    """Puts a new key in the place of the old one, which a running server refuses from the next request on."""
    replaced(folder / FILE, _fresh())
    return read(folder)


class RootKeys:
    """The key of a folder as it is now. Any thread may ask."""

    def __init__(self, folder: Path) -> None:
        """Makes the key if there is none."""
        self._folder = folder
        self._lock = threading.Lock()
        self.new = not (folder / FILE).exists()
        """Whether it was made just now."""
        kept(folder / FILE, _fresh())
        self._seen = self._mark()
        self._key = read(folder)

    def current(self) -> RootKey:
        """The key, read again if the file was replaced. Costs a look at the file's place in its folder."""
        mark = self._mark()
        if mark is not None and mark != self._seen:
            with self._lock:
                self._key, self._seen = read(self._folder), mark
        return self._key

    def knows(self, access_key_id: str) -> bool:
        """Whether this was the key when the file was looked at last."""
        return self._key.access_key_id == access_key_id

    def _mark(self) -> tuple[int, int] | None:
        """What tells one file from the next; None while there is no file, when the last key goes on counting."""
        try:
            found = os.stat(self._folder / FILE)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns


def _fresh() -> bytes:
    secret = base64.b64encode(secrets.token_bytes(30)).decode()
    return orjson.dumps({"AccessKeyId": key_id("AKIA"), "SecretAccessKey": secret})
