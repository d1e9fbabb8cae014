"""Pipe mode as a script sees it: FIFOs that deliver the channel, fed by processes of their own."""

from __future__ import annotations

import gzip
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from sagewright_container import pipes

SOURCE = Path(pipes.__file__).parents[1]
Run = Callable[..., "subprocess.Popen[bytes]"]


class Folder:
    """An /opt/ml with channels to feed."""

    def __init__(self, base: Path) -> None:
        self.base = base
        for name in ("input/data", "input/.pipes", "output"):
            (base / name).mkdir(parents=True)

    def add(self, channel: str, contents: Sequence[bytes], *, small: int = 100, **settings: int) -> None:
        """What a channel sends: contents of up to `small` bytes stand in one file, the others have one each."""
        folder = self.base / "input/.pipes" / channel
        (folder / "0").mkdir(parents=True)
        index, rest, files = [], b"", 0
        for data in contents:
            if len(data) <= small:
                index.append(f"0 {len(rest)} {len(data)} x\n")
                rest += data
            else:
                files += 1
                (folder / "0" / str(files)).write_bytes(data)
                index.append(f"{files} 0 {len(data)} x y\n")
        (folder / "small").write_bytes(rest)
        (folder / "index").write_text("".join(index) + "end\n")
        settings = {"pieces": 1, "gzip": 0, "record_io": 0, **settings}
        (folder / "feed").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        (folder / "place").write_text(f"input/data/{channel}")

    def read(self, channel: str, epoch: int) -> bytes:
        """As a script reads an epoch."""
        return self.fifo(channel, epoch).read_bytes()

    def fifo(self, channel: str, epoch: int) -> Path:
        """An epoch's FIFO, which may appear late."""
        path = self.base / "input/data" / f"{channel}_{epoch}"
        end = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < end, f"{path.name} did not appear"
            time.sleep(0.002)
        return path


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def run(folder: Folder) -> Iterator[Run]:
    """Starts a command with its feeders; they end when the command has."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(folder.base), "PYTHONPATH": str(SOURCE)}
        wrapper = [sys.executable, "-S", "-m", "sagewright_container.pipes", "--"]
        started.append(subprocess.Popen([*wrapper, *command], env=environment, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
    for feeder in feeders(folder.base):
        os.kill(feeder, signal.SIGKILL)


def feeders(base: Path) -> list[int]:
    """Processes that were started for this folder."""
    mark = f"SAGEMAKER_BASE_DIR={base}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.fixture
def fed(run: Run) -> None:
    """A job that does nothing itself."""
    run("sleep", "60")


def records(data: bytes) -> list[bytes]:
    """What is in a RecordIO stream."""
    found = []
    while data:
        magic, length = struct.unpack("<II", data[:8])
        assert magic == pipes.MAGIC
        found.append(data[8 : 8 + length])
        assert not any(data[8 + length : 8 + length + -length % 4])
        data = data[8 + length + -length % 4 :]
    return found


def test_each_epoch_delivers_the_whole_channel(folder: Folder, run: Run) -> None:
    contents = [b"a,1\n", b"b,2\n", b"c" * 300_000, b"d,4\n", b"", b"e" * 101]
    folder.add("train", contents)
    folder.add("validation", [b"v\n"])
    run("sleep", "60")
    for epoch in range(3):
        assert folder.read("train", epoch) == b"".join(contents)
    assert folder.read("validation", 0) == b"v\n"
    assert not (folder.base / "input/data/train_0").exists()


def test_the_first_fifo_is_there_before_the_command(folder: Folder, run: Run) -> None:
    folder.add("train", [b"x"])
    job = run("sh", "-c", f"test -p {folder.base}/input/data/train_0")
    assert job.wait(60) == 0


def test_a_reader_may_close_early_and_go_on_with_the_next(folder: Folder, run: Run) -> None:
    contents = [bytes([number]) * 3_000_000 for number in range(3)]
    folder.add("train", contents)
    run("sleep", "60")
    with folder.fifo("train", 0).open("rb", buffering=0) as fifo:
        assert fifo.read(5) == b"\0" * 5
    assert folder.read("train", 1) == b"".join(contents)


def test_the_command_takes_the_wrappers_place(folder: Folder, run: Run) -> None:
    folder.add("train", [b"x"])
    assert run("sh", "-c", "exit 7").wait(60) == 7
    asked = run("sleep", "60")
    folder.read("train", 0)
    asked.terminate()
    assert asked.wait(60) == -signal.SIGTERM
    assert run("sh", "-c", "kill -s PIPE $$").wait(60) == -signal.SIGPIPE
    assert run("none-such").wait(60) == 127
    assert run(str(folder.base)).wait(60) == 126


def test_feeders_are_no_children_of_the_command(folder: Folder, run: Run) -> None:
    folder.add("train", [b"x"])
    assert run(sys.executable, "-c", "import os\ntry: os.wait()\nexcept ChildProcessError: os._exit(3)").wait(60) == 3


def test_compressed_objects_arrive_decompressed(folder: Folder, run: Run) -> None:
    large = bytes(random.Random(1).choices(range(64), k=3_000_000))
    folder.add("train", [gzip.compress(b"a\n") + gzip.compress(b"b\n"), gzip.compress(large), b""], gzip=1)
    run("sleep", "60")
    assert folder.read("train", 0) == b"a\nb\n" + large


@pytest.mark.parametrize(
    ("data", "said"), [(b"plain text", "not compressed with gzip"), (gzip.compress(b"x" * 1000)[:-5], "cut short")]
)
def test_what_is_not_compressed_ends_the_job(folder: Folder, run: Run, data: bytes, said: str) -> None:
    folder.add("train", [data], gzip=1)
    # Who reads must not see an end, nor complete the job.
    job = run("sh", "-c", f"cat {folder.base}/input/data/train_0 >{folder.base}/seen; echo >{folder.base}/done")
    assert job.wait(60) == -signal.SIGTERM
    assert not (folder.base / "done").exists()
    failure = (folder.base / "output/failure").read_text()
    assert failure.startswith("ClientError: Channel 'train'")
    assert said in failure


def test_each_object_becomes_a_record(folder: Folder, run: Run) -> None:
    contents = [b"abc", b"", b"x" * 200_001, b"abcd"]
    folder.add("train", contents, record_io=1)
    folder.add("packed", [gzip.compress(data) for data in contents], record_io=1, gzip=1)
    run("sleep", "60")
    assert records(folder.read("train", 0)) == contents
    assert records(folder.read("packed", 0)) == contents


def test_a_seed_shuffles_each_epoch_anew_and_always_the_same(folder: Folder, run: Run) -> None:
    contents = [b"%02d," % number for number in range(50)]
    folder.add("one", contents, seed=7)
    folder.add("two", contents, seed=7)
    folder.add("three", contents, seed=-8)
    run("sleep", "60")
    first, second = folder.read("one", 0), folder.read("one", 1)
    assert first != second
    assert sorted(first.split(b",")) == sorted(second.split(b",")) == sorted(b"".join(contents).split(b","))
    assert (folder.read("two", 0), folder.read("two", 1)) == (first, second)
    assert folder.read("three", 0) not in (first, b"".join(contents))


def test_hosts_share_each_epoch_and_what_they_get_changes(folder: Folder, run: Run) -> None:
    contents = [b"%02d," % number for number in range(21)]
    for host in range(2):
        folder.add(f"host{host}", contents, seed=3, host=host, hosts=2)
    run("sleep", "60")
    parts = [[set(folder.read(f"host{host}", epoch).split(b",")) - {b""} for host in range(2)] for epoch in range(2)]
    for mine, other in parts:
        assert mine.isdisjoint(other)
        assert len(mine) + len(other) == 21
    assert parts[0][0] != parts[1][0]


def test_the_pieces_of_a_line_stay_together(folder: Folder, run: Run) -> None:
    contents = [piece for number in range(30) for piece in (b"image%02d" % number, b"%d" % number)]
    folder.add("train", contents, pieces=2, seed=1, record_io=1)
    run("sleep", "60")
    found = records(folder.read("train", 0))
    pairs = list(zip(found[::2], found[1::2], strict=True))
    assert all(int(image[5:]) == int(label) for image, label in pairs)
    assert [label for _, label in pairs] != [b"%d" % number for number in range(30)]


def test_an_index_may_still_be_growing(folder: Folder, run: Run) -> None:
    folder.add("train", [b"one,", b"two,", b"three"])
    index = folder.base / "input/.pipes/train/index"
    whole = index.read_bytes()
    index.write_bytes(whole[:13])
    run("sleep", "60")
    with folder.fifo("train", 0).open("rb") as fifo:
        with index.open("ab") as file:
            file.write(whole[13:])
        assert fifo.read() == b"one,two,three"


def test_files_are_copied_where_the_kernel_cannot_splice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "splice", raising=False)
    (tmp_path / "file").write_bytes(b"0123456789")
    reader, writer = os.pipe()
    source = os.open(tmp_path / "file", os.O_RDONLY)
    pipes.copy(source, writer, 2, 5)
    assert os.read(reader, 100) == b"23456"
    with pytest.raises(pipes.BadInput, match="ends 3 bytes early"):
        pipes.copy(source, writer, 8, 5)
    for descriptor in (source, reader, writer):
        os.close(descriptor)


def test_nothing_too_long_for_a_record_is_sent(folder: Folder, run: Run) -> None:
    folder.add("train", [b"x" * 101], record_io=1)
    with (folder.base / "input/.pipes/train/0/1").open("r+b") as file:
        file.truncate(1 << 29)
    (folder.base / "input/.pipes/train/index").write_text(f"1 0 {1 << 29} x\nend\n")
    job = run("sleep", "60")
    assert folder.read("train", 0) == b""
    assert job.wait(60) == -signal.SIGTERM
    assert "does not fit into a RecordIO record" in (folder.base / "output/failure").read_text()


def test_the_wrapper_imports_next_to_nothing() -> None:
    """Every job with a pipe pays for it."""
    code = (
        "import os, sys; before = set(sys.modules); import sagewright_container.pipes;"
        "print(*(set(sys.modules) - before))"
    )
    environment = {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) <= {"sagewright_container", "sagewright_container.pipes", "__future__"}
