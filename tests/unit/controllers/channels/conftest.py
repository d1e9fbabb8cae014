"""Channels on real objects: bytes on a disk, records in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.clock import SystemClock
from sagewright.base.ids import RandomIds
from sagewright.compute.base import Mount
from sagewright.controllers.channels import staging
from sagewright.controllers.channels.channel import Host
from sagewright.dataplane.objects.base import Objects
from sagewright.dataplane.objects.values import INLINE_LIMIT
from sagewright.store.memory import MemoryStore

from ..conftest import ACCOUNT, REGION, Bench

LARGE = b"x" * (INLINE_LIMIT + 1)
"""Stored in a file of its own."""


@dataclass
class Box:
    """Objects in bucket `b`, and jobs that are staged on them."""

    objects: Objects
    bench: Bench
    sealed: bool = True
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def put(self, **contents: bytes) -> None:
        for key, data in contents.items():
            self.put_at({key: data})

    def put_at(self, contents: Mapping[str, bytes]) -> None:
        for key, data in contents.items():
            self.objects.put_bytes("b", key, data)

    def stage(self, *channels: Mapping[str, Any], hosts: Sequence[Host] = (Host(),), index: int = 0) -> Staged:
        folder = self.bench.platform.tasks / f"t{next(self.numbers)}"
        (folder / "ml" / "input" / "data").mkdir(parents=True)
        spec = {"InputDataConfig": channels}
        mounts = staging.stage(self.bench.platform, self.objects, spec, folder, region=REGION, hosts=hosts, index=index)
        return Staged(folder, mounts)


@dataclass
class Staged:
    """What a task would see."""

    folder: Path
    mounts: Sequence[Mount]

    def shown(self, name: str = "c") -> Path:
        """Where a channel's files are: what is mounted, else what lies in /opt/ml."""
        target = f"/opt/ml/input/data/{name}"
        return next(
            (each.source for each in self.mounts if each.target == target), self.folder / "ml/input/data" / name
        )

    def files(self, name: str = "c") -> dict[str, bytes]:
        folder = self.shown(name)
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def sent(self, name: str = "c") -> list[bytes]:
        """What a pipe would deliver, piece by piece."""
        folder = self.folder / "pipes" / name
        *lines, end = (folder / "index").read_text().splitlines()
        assert end == "end"
        found = []
        for line in lines:
            number, offset, size, _ = line.split(" ", 3)
            path = folder / (f"{int(number) // 1024}/{number}" if number != "0" else "small")
            found.append(path.read_bytes()[int(offset) : int(offset) + int(size)])
        return found

    def feed(self, name: str = "c") -> dict[str, int]:
        lines = (self.folder / "pipes" / name / "feed").read_text().splitlines()
        return {line.split()[0]: int(line.split()[1]) for line in lines}


def channel(uri: str, mode: str = "File", kind: str = "S3Prefix", name: str = "c", **members: Any) -> dict[str, Any]:
    """A channel as a request has it; `source` is more of its S3DataSource."""
    source = {"S3DataType": kind, "S3Uri": uri, **members.pop("source", {})}
    return {"ChannelName": name, "InputMode": mode, "DataSource": {"S3DataSource": source}, **members}


@pytest.fixture
def box(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    objects = Objects(MemoryStore(), tmp_path / "objects", account=ACCOUNT, clock=SystemClock(), ids=RandomIds())
    objects.buckets.create("b", REGION)
    made = Box(objects, bench)
    monkeypatch.setattr(type(bench.engine), "read_only_mounts", property(lambda _: made.sealed), raising=False)
    yield made
    objects.close()


Stage = Callable[..., Staged]
