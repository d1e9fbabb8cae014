"""Objects through boto3: small ones per second, large ones in MB/s."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import peers
from bench.base import OURS, Figure, Missing, Run, Sample, rate

TITLE = "S3 objects through one boto3 client; MB is 10^6 bytes"

KIB: Final = 1 << 10
MIB: Final = 1 << 20
_BUCKET: Final = "bench"
_PIECE: Final = 1 << 20


def measure(run: Run) -> Sequence[Figure]:
    """Ours against moto's server, a null server, and the disk under the same folder."""
    large = int(run.amount(256, 32)) * MIB
    bench = _Objects(run, large)
    with ExitStack() as stack:
        data = run.folder / "data"

        def served(peer: peers.Peer) -> peers.Peer:
            stack.enter_context(peers.serving(peer, run.folder / "log"))
            return peer

        own = served(peers.ours(data))
        subjects: dict[str, Sample] = {OURS: bench.through(peers.client("s3", own, peers.our_keys(own, data)))}
        others: dict[str, Callable[[], peers.Peer]] = {"moto": lambda: peers.moto(run), "null server": peers.null}
        for name, make in others.items():
            try:
                subjects[name] = bench.through(peers.client("s3", served(make())))
            except Missing as missing:
                run.note(str(missing))
        subjects["disk"] = bench.on_disk(run.folder / "disk")
        run.alternate("objects", bench.figures, subjects)
    run.note("disk: write and fsync of a new file, and read of one that is cached; ours is on disk before it answers.")
    return bench.figures


class _Objects:
    """The work, the same for every subject."""

    def __init__(self, run: Run, large: int) -> None:
        self._seconds = run.amount(0.8, 0.25)
        self._scratch = run.folder / "downloaded"
        self._large = os.urandom(large)
        size = f"{large // MIB} MiB"
        self.put_small = Figure("put_object, 1 KiB", "/s", goal=600)
        self.get_small = Figure("get_object, 1 KiB", "/s", goal=900)
        self.put_medium = Figure("put_object, 1 MiB", "MB/s")
        self.get_medium = Figure("get_object, 1 MiB", "MB/s")
        self.put_large = Figure(f"put_object, {size}", "MB/s")
        self.upload = Figure(f"upload_file, {size}", "MB/s")
        self.get_large = Figure(f"get_object, {size}", "MB/s", goal=1500)
        self.download = Figure(f"download_file, {size}", "MB/s", goal=450)
        self.figures = [
            self.put_small, self.get_small, self.put_medium, self.get_medium,
            self.put_large, self.upload, self.get_large, self.download,
        ]  # fmt: skip

    def through(self, s3: Any) -> Sample:
        """All of it through a boto3 client."""
        s3.create_bucket(Bucket=_BUCKET)
        numbers = itertools.count()
        source = self._scratch.with_name("source")
        source.write_bytes(self._large)

        def put(body: bytes) -> None:
            s3.put_object(Bucket=_BUCKET, Key=f"k/{next(numbers)}-{len(body)}", Body=body)

        def get(size: int) -> None:
            body = s3.get_object(Bucket=_BUCKET, Key=f"kept-{size}")["Body"]
            while body.read(_PIECE):
                pass

        def keep(body: bytes) -> None:
            s3.put_object(Bucket=_BUCKET, Key=f"kept-{len(body)}", Body=body)

        key = f"kept-{len(self._large)}"

        def upload() -> None:
            s3.upload_file(str(source), _BUCKET, key)

        def download() -> None:
            s3.download_file(_BUCKET, key, str(self._scratch))

        return self._sample(put, keep, get, upload, download)

    def on_disk(self, folder: Path) -> Sample:
        """The same bytes as files."""
        folder.mkdir()
        numbers = itertools.count()

        def write(path: Path, body: bytes) -> None:
            with path.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())

        def put(body: bytes) -> None:
            write(folder / (f"{next(numbers)}" if len(body) < MIB else "again"), body)

        def keep(body: bytes) -> None:
            write(folder / f"kept-{len(body)}", body)

        def get(size: int) -> None:
            with (folder / f"kept-{size}").open("rb", buffering=0) as file:
                while file.read(_PIECE):
                    pass

        return self._sample(put, keep, get, None, None)

    def _sample(
        self,
        put: Callable[[bytes], None],
        keep: Callable[[bytes], None],
        get: Callable[[int], None],
        upload: Callable[[], None] | None,
        download: Callable[[], None] | None,
    ) -> Sample:
        small, medium, large = self._large[:KIB], self._large[:MIB], self._large

        def sample() -> Mapping[str, float]:
            keep(small)
            keep(medium)
            values = {
                self.put_small.what: rate(lambda: put(small), self._seconds),
                self.get_small.what: rate(lambda: get(KIB), self._seconds),
                self.put_medium.what: rate(lambda: put(medium), self._seconds, every=MIB / 1e6),
                self.get_medium.what: rate(lambda: get(MIB), self._seconds, every=MIB / 1e6),
                self.put_large.what: rate(lambda: keep(large), 0, every=len(large) / 1e6),
                self.get_large.what: rate(lambda: get(len(large)), 0, every=len(large) / 1e6),
            }
            if upload is not None:
                values[self.upload.what] = rate(upload, 0, every=len(large) / 1e6)
            if download is not None:
                values[self.download.what] = rate(download, 0, every=len(large) / 1e6)
            return values

        return sample
