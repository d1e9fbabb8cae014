"""Several hosts of an algorithm's job: the shards of all are where the first one trains, and all end as it does."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sagewright_container.algorithms import shards
from sagewright_container.algorithms.base import Input, Job
from sagewright_container.algorithms.errors import ClientError

HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
RUN = f"{os.getpid()}-{time.time_ns()}"
FILES = [{"a/0.csv": "0\n", "same.csv": "x\n"}, {"a/1.csv": "1\n" * 1_000_000, "same.csv": "y\n"}, {"a/2.csv": ""}]


class Reader:
    """An algorithm that remembers what it was given to read."""

    parallel = True

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.read: dict[str, dict[str, str]] = {}

    def train(self, job: Job) -> None:
        for name, source in job.inputs.items():
            self.read[name] = {os.path.relpath(path, source.path): Path(path).read_text() for path in source.files()}
        if self.error is not None:
            raise self.error


Told = Callable[..., list[Future[None]]]


@pytest.fixture
def trained(tmp_path: Path) -> Told:
    """Runs all hosts of a job, each with a channel `train` of its own files, and answers how each of them ended."""

    def trained(algorithm: Any, key: str, *, sharded: bool = True, pipe: bool = False) -> list[Future[None]]:
        jobs = []
        for host, files in zip(HOSTS, FILES, strict=True):
            folder = tmp_path / host / "train"
            for name, text in files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            if pipe:
                os.mkfifo(f"{folder}_0")
                threading.Thread(target=Path(f"{folder}_0").write_text, args=(host,), daemon=True).start()
            source = Input("train", "csv", str(folder), pipe, sharded=sharded)
            jobs.append(Job({}, {"train": source}, "", "", hosts=HOSTS, current_host=host))
        with ThreadPoolExecutor() as pool:
            return [pool.submit(shards.train, algorithm, job, f"{key} {RUN}") for job in jobs]

    return trained


def test_the_first_host_has_the_files_of_all(trained: Told) -> None:
    reader = Reader()
    for ended in trained(reader, "all"):
        ended.result()
    expected = {"a/0.csv": "0\n", "a/1.csv": "1\n" * 1_000_000, "same.csv": "x\n", "same.csv-127.0.0.2": "y\n"}
    assert {name: text for name, text in reader.read["train"].items() if text} == expected


def test_what_every_host_has_is_not_sent(trained: Told) -> None:
    reader = Reader()
    for ended in trained(reader, "replicated", sharded=False):
        ended.result()
    assert reader.read == {"train": FILES[0]}


def test_pipes_become_one(trained: Told) -> None:
    reader = Reader()
    for ended in trained(reader, "pipes", pipe=True):
        ended.result()
    assert list(reader.read["train"].values()) == ["127.0.0.1127.0.0.2127.0.0.3"]


def test_all_fail_when_the_first_does(trained: Told) -> None:
    first, *others = trained(Reader(ClientError("The data are odd.")), "fails")
    with pytest.raises(ClientError, match="The data are odd"):
        first.result()
    for ended in others:
        with pytest.raises(ClientError, match=r"The host 127\.0\.0\.1, which trains .* ended with exit code 1\."):
            ended.result()


def test_a_host_that_is_gone_before_it_has_handed_over_is_named(trained: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(line: Any, source: Input) -> None:
        line.write({"channel": source.name, "name": "x"})
        line.write({"bytes": 5})
        raise MemoryError

    monkeypatch.setattr(shards, "_send", gone)
    first, *_ = trained(Reader(), "gone")
    with pytest.raises(ClientError, match=r"The host 127\.0\.0\.2 ended before it had handed over"):
        first.result()
