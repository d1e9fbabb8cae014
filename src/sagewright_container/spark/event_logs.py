"""Event logs put into S3 by ourselves, while the application writes them: for who asks for it by
`--spark-event-logs-s3-uri`. Else they are an output of the job's, which the platform uploads."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_EVERY_S: Final = 5.0


@contextlib.contextmanager
def published(folder: Path, uri: str | None) -> Iterator[None]:
    """Have what is in the folder in S3 too, all of it at the end. Nothing without an address."""
    if not uri:
        yield
        return
    publisher = _Publisher(folder, uri)
    ended = threading.Event()
    thread = threading.Thread(target=publisher.run, args=(ended,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class _Publisher:
    def __init__(self, folder: Path, uri: str) -> None:
        import boto3  # type: ignore[import-untyped]  # the image's

        self._folder, self._s3 = folder, boto3.client("s3")
        self._bucket, _, prefix = uri.partition("://")[2].partition("/")
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._sent: dict[str, tuple[int, float]] = {}

    def run(self, ended: threading.Event) -> None:
        """Until it has ended, and once more then."""
        from botocore.exceptions import BotoCoreError, ClientError

        last = False
        while not last:
            last = ended.wait(_EVERY_S)
            try:
                self._send()
            except (BotoCoreError, ClientError) as problem:
                sys.stderr.write(f"smspark-submit: the event log could not be put into S3: {problem}\n")

    def _send(self) -> None:
        for path in sorted(self._folder.rglob("*")) if self._folder.is_dir() else ():
            if path.name.startswith(".") or not path.is_file():
                continue
            name, about = str(path.relative_to(self._folder)), path.stat()
            if self._sent.get(name) != (about.st_size, about.st_mtime):
                self._upload(path, name)
                self._sent[name] = about.st_size, about.st_mtime
                whole = f"{name}.inprogress"
                if self._sent.pop(whole, None):  # it has its last name now
                    self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + whole)

    def _upload(self, path: Path, name: str) -> Any:
        with contextlib.suppress(FileNotFoundError):  # Spark has renamed it: the next look finds it
            return self._s3.upload_file(str(path), self._bucket, self._prefix + name)
