"""Upstreams: which buckets are passed through to an endpoint elsewhere, and with which keys.

    FOLDER/<bucket>.json     {"endpoint", "bucket", "region", "access_key_id", "secret_access_key", "session_token"}

Files only their owner can read, beside the server's own keys: secrets are in no record, no argument and no log. They
are written by `sagewright bucket`, under a running server too, which looks at the folder's time now and then.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import orjson

FRESH: Final = 0.1
"""Seconds after which a server has surely seen a change."""
_SETTLED: Final = 50_000_000
"""Nanoseconds after which a folder's time is known to tell two changes apart."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where one bucket's objects really are."""

    endpoint: str
    """`https://host[:port]`."""
    bucket: str
    """Its name there."""
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    def beside(self, other: Upstream) -> bool:
        """Whether one request there can reach both."""
        return (self.endpoint, self.access_key_id) == (other.endpoint, other.access_key_id)


class Upstreams:
    """The attachments of one data folder. Any thread may ask."""

    def __init__(self, folder: Path, *, make: bool = False, fresh: float = FRESH) -> None:
        """`make` it now: to look at a folder that is not there costs more than at one that is. What was seen is
        believed for `fresh` seconds."""
        if make:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._fresh, self._until = folder, fresh, 0.0
        self._lock = threading.Lock()
        self._stamp = -1
        self._known: Mapping[str, Upstream] = {}

    def of(self, bucket: str) -> Upstream | None:
        """Where a bucket is passed through to; None for most."""
        # Every request to S3 asks this, several times over.
        if time.monotonic() < self._until:
            return self._known.get(bucket)
        known = self.all()
        self._until = time.monotonic() + self._fresh
        return known.get(bucket)

    def all(self) -> Mapping[str, Upstream]:
        """By bucket."""
        try:
            stamp = os.stat(self._folder).st_mtime_ns
        except OSError:
            self._known = {}
            return self._known
        if stamp == self._stamp:
            return self._known
        with self._lock:
            self._known = {path.stem: _read(path) for path in sorted(self._folder.glob("*.json"))}
            if time.time_ns() - stamp > _SETTLED:
                self._stamp = stamp
            return self._known

    def attach(self, bucket: str, upstream: Upstream) -> None:
        """Pass a bucket through from now on, or to somewhere else."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{bucket}.json"
        new = path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(orjson.dumps({name: value for name, value in asdict(upstream).items() if value is not None}))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        self._until = 0.0

    def detach(self, bucket: str) -> bool:
        """Keep a bucket's objects here again; whether it was passed through."""
        try:
            (self._folder / f"{bucket}.json").unlink()
        except FileNotFoundError:
            return False
        self._until = 0.0
        return True


def _read(path: Path) -> Upstream:
    return Upstream(**orjson.loads(path.read_bytes()))
