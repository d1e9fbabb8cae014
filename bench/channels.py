"""Channels: how long a job waits for its input, and how fast a pipe is."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import peers
from bench.base import OURS, Figure, Run
from bench.job import packed, request
from sagewright.base.clock import SystemClock
from sagewright.base.ids import RandomIds
from sagewright.base.settings import DEFAULT_ACCOUNT
from sagewright.dataplane.objects.base import Objects
from sagewright.resources.record import Key, Record
from sagewright.store.sqlite import SqliteStore

TITLE = "from CreateTrainingJob to the script's first line, by what its channel holds; reading it; pipes"

_BUCKET: Final = "bench"
_COPY, _CAT, _FOLDER = "a copy first", "cat", "a plain folder"
_PATIENCE_S: Final = 300.0
_BATCH: Final = 1000
_SCRIPT: Final = """
import os, sys, time
print("first-line", time.time_ns(), flush=True)
what, path = [word for word in sys.argv[1:] if not word.startswith("-")]
begun = time.perf_counter()
if what == "walk":
    for folder, _, names in os.walk(path):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                file.read()
elif what == "pipe":
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
print("took", time.perf_counter() - begun, flush=True)
"""


@dataclass(frozen=True)
class Content:
    """What a channel holds."""

    name: str
    objects: int
    size: int
    """Bytes of each; large ones are sparse files."""

    @property
    def bytes(self) -> int:
        return self.objects * self.size


def measure(run: Run) -> Sequence[Figure]:
    """Ours; and the time that copying the channel's files takes, before a bare process even starts."""
    many, large = int(run.amount(100_000, 10_000)), int(run.amount(10, 1))
    contents = [
        Content("10 objects", 10, 5_000),
        Content("1,000 objects", 1_000, 5_000),
        Content(f"{many:,} objects", many, 5_000),
        Content("10 MB in 10 objects", 10, 1_000_000),
        Content(f"{large} GB in 10 objects", 10, large * 100_000_000),
    ]
    starts = {each.name: Figure(f"start, {each.name}", "s", more=False) for each in contents}
    walk = Figure(f"reading {many:,} files", "s", more=False)
    pipe = Figure("a pipe, once", "MB/s")
    with ExitStack() as stack:
        data = run.folder / "data"
        run.say("writing the objects")
        folders = {each.name: fill(data, each) for each in contents}
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        job = _job(peer, peers.our_keys(peer, data))

        def ours() -> Mapping[str, float]:
            found = {starts[each.name].what: job(each, "File", "none")["first"] for each in contents}
            found[walk.what] = job(contents[2], "File", "walk")["took"]
            return found | {pipe.what: contents[4].bytes / 1e6 / job(contents[4], "Pipe", "pipe")["took"]}

        def copied() -> Mapping[str, float]:
            return {starts[each.name].what: _copied(run, folders[each.name]) for each in contents}

        run.alternate("channels", [*starts.values(), walk, pipe], {OURS: ours, _COPY: copied})
        few = starts[contents[0].name].median(OURS) or 0.0
        for figure in starts.values():
            figure.goal = few + 0.15
        _beside(run, walk, _FOLDER, lambda: _read(run, folders[contents[2].name]))
        _beside(run, pipe, _CAT, lambda: contents[4].bytes / 1e6 / _cat(run, folders[contents[4].name]))
    run.note(
        "the goal of a start is that of 10 objects and 0.15 s. Large objects are sparse, so no disk is waited for."
    )
    return [*starts.values(), walk, pipe]


def _beside(run: Run, figure: Figure, subject: str, sample: Callable[[], float]) -> None:
    for _ in range(run.rounds):
        figure.samples.setdefault(subject, []).append(sample())


def fill(data: Path, content: Content) -> Path:
    """Objects, as puts would have left them, but in bulk. Returns a folder of links to the same bytes."""
    data.mkdir(parents=True, exist_ok=True)
    store, clock = SqliteStore(data / "state.db"), SystemClock()
    objects = Objects(store, data / "objects", account=DEFAULT_ACCOUNT, clock=clock, ids=RandomIds())
    if not objects.buckets.page():
        objects.buckets.create(_BUCKET, peers.REGION)
    folder = data.parent / "plain" / _slug(content)
    folder.mkdir(parents=True)
    for number in range(256):
        (data / "objects" / f"{number:02x}").mkdir(exist_ok=True)
    numbers = iter(range(content.objects))
    while batch := list(itertools.islice(numbers, _BATCH)):
        store.write([("create", _object(data, folder, content, number)) for number in batch])
    objects.close()
    store.close()
    return folder


def _slug(content: Content) -> str:
    return content.name.replace(" ", "-").replace(",", "")


def _object(data: Path, folder: Path, content: Content, number: int) -> Record:
    name = f"{number % 100:02d}/{number:08d}.bin"
    blob = f"{number * 7919 % 256:02x}{os.urandom(15).hex()}"
    path = data / "objects" / blob[:2] / blob
    with path.open("xb") as file:
        if content.size > 100_000:
            file.truncate(content.size)
        else:
            file.write(os.urandom(content.size))
    (folder / name).parent.mkdir(exist_ok=True)
    os.link(path, folder / name)
    key = Key(DEFAULT_ACCOUNT, "", "object", _BUCKET, f"{_slug(content)}/{name}")
    spec = {"size": content.size, "blob": blob, "etag": blob, "attributes": {}}
    return Record(key, uid=blob, created=time.time(), modified=time.time(), spec=spec)


def _job(peer: peers.Peer, keys: peers.Keys) -> Callable[[Content, str, str], Mapping[str, float]]:
    """Runs a job on a channel; answers the seconds until its first line, and those its work took."""
    s3, sagemaker, logs = (peers.client(name, peer, keys) for name in ("s3", "sagemaker", "logs"))
    s3.put_object(Bucket=_BUCKET, Key="code/sourcedir.tar.gz", Body=packed("script.py", _SCRIPT))
    numbers = itertools.count()
    role = peers.role_arn(peer)

    def run(content: Content, mode: str, what: str) -> Mapping[str, float]:
        name = f"job-{next(numbers)}"
        asked: dict[str, Any] = request(role)
        asked["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{_BUCKET}/{_slug(content)}/"
        asked["InputDataConfig"][0]["InputMode"] = mode
        path = "/opt/ml/input/data/train" + ("_0" if mode == "Pipe" else "")
        asked["HyperParameters"] |= {"z": f'"{what}"', "zz": f'"{path}"'}
        begun = time.time_ns()
        sagemaker.create_training_job(TrainingJobName=name, **asked)
        end = time.monotonic() + _PATIENCE_S
        while (job := sagemaker.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
            if time.monotonic() > end:
                break
            time.sleep(0.01)
        if job["TrainingJobStatus"] != "Completed":
            raise RuntimeError(f"{name} ended as {job['TrainingJobStatus']}: {job.get('FailureReason')}")
        group = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": f"{name}/"}
        printed = "\n".join(event["message"] for event in logs.filter_log_events(**group)["events"])
        return {"first": (_found("first-line", printed) - begun) / 1e9, "took": _found("took", printed)}

    return run


def _found(word: str, printed: str) -> float:
    found = re.search(rf"{word} ([0-9.e-]+)", printed)
    if found is None:
        raise RuntimeError(f"The script did not say {word!r}:\n{printed[-2000:]}")
    return float(found[1])


def _copied(run: Run, folder: Path) -> float:
    target = run.folder / "copy"
    begun = time.perf_counter()
    shutil.copytree(folder, target)
    took = time.perf_counter() - begun
    shutil.rmtree(target)
    return took


def _read(run: Run, folder: Path) -> float:
    """The same script on a folder of this machine."""
    return _found("took", _ran(run, "walk", str(folder)))


def _cat(run: Run, folder: Path) -> float:
    fifo = run.folder / "fifo"
    os.mkfifo(fifo)
    files = " ".join(str(path) for path in sorted(folder.rglob("*.bin")))
    with subprocess.Popen(["sh", "-c", f"cat {files} > {fifo}"]):
        took = _found("took", _ran(run, "pipe", str(fifo)))
    fifo.unlink()
    return took


def _ran(run: Run, what: str, path: str) -> str:
    script = run.folder / "script.py"
    script.write_text(_SCRIPT)
    return subprocess.run([sys.executable, script, what, path], capture_output=True, text=True, check=True).stdout
