"""Archives: what is packed and unpacked, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest

from sagewright.base.errors import Terminal
from sagewright.controllers import archives

from .conftest import packed, unpacked


def test_archives_are_unpacked_gzipped_or_not(tmp_path: Path) -> None:
    archive = tmp_path / "a"
    archive.write_bytes(packed({"x/y": b"1"}))
    archives.extract(archive, tmp_path / "out", name="The code")
    assert (tmp_path / "out/x/y").read_bytes() == b"1"
    with tarfile.open(archive, "w") as tar:
        tar.addfile(tarfile.TarInfo("plain"))
    archives.extract(archive, tmp_path / "out", name="The code")
    assert (tmp_path / "out/plain").exists()


def _archive(member: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(member)
    return buffer.getvalue()


def _damaged(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + b"\xff" * 64 + data[middle + 64 :]


def _link(target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo("link")
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no tarball",
        packed({"x": b"1" * 100_000})[:60],
        _damaged(packed({"x": b"".join(b"%d\n" % (n * n) for n in range(50_000))})),
        _archive(tarfile.TarInfo("../up")),
        _archive(_link("/etc/passwd")),
        _archive(_link("../../up")),
    ],
    ids=["empty", "text", "cut short", "damaged", "a path that leads out", "an absolute link", "a link that leads out"],
)
def test_what_is_no_good_archive_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    archive = tmp_path / "a"
    archive.write_bytes(data)
    with pytest.raises(Terminal, match=r"The code could not be unpacked: [^\n]*must be a tar archive"):
        archives.extract(archive, tmp_path / "in" / "out", name="The code")
    assert not (tmp_path / "in" / "up").exists()


def test_a_model_is_packed_as_it_is_but_for_what_cannot_travel(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "weights").write_bytes(b"w")
    (folder / "out").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "s"))
        archives.pack([folder], tmp_path / "a")
    assert unpacked((tmp_path / "a").read_bytes()) == {"deep/weights": b"w"}
    with tarfile.open(tmp_path / "a") as tar:
        assert tar.getnames() == ["deep", "deep/weights", "out"]
        assert tar.getmember("out").issym()
    again = tmp_path / "b"
    archives.pack([tmp_path / "nothing"], again)
    assert unpacked(again.read_bytes()) == {}
    (tmp_path / "linked").symlink_to("/etc")
    archives.pack([tmp_path / "linked"], again)
    assert unpacked(again.read_bytes()) == {}


def test_everybody_reads_what_is_packed_and_what_shrinks_is_small(tmp_path: Path) -> None:
    model, numbers = tmp_path / "model", random.Random(0)
    model.mkdir()
    files = {
        "text.json": b"".join(b'{"leaf": %d, "gain": 0.25}\n' % numbers.randrange(1000) for _ in range(30_000)),
        "weights": numbers.randbytes(3_000_000),
        "empty": b"",
    }
    for name, data in files.items():
        (model / name).write_bytes(data)
    archive = tmp_path / "model.tar.gz"
    assert archives.pack([model], archive) == hashlib.md5(archive.read_bytes()).hexdigest()
    assert unpacked(archive.read_bytes()) == files
    assert archive.stat().st_size < 1.01 * len(files["weights"]) + len(files["text.json"]) / 5
    assert len(gzip.decompress(archive.read_bytes())) % 10240 == 0
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "xzf", archive, "-C", out], check=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == files


def test_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(random.Random(0).randbytes(3_000_000))
    with pytest.raises(OSError, match="No space left"):
        archives.pack([tmp_path], Path("/dev/full"))


def test_an_archive_of_several_members_and_zeros_behind_is_unpacked(tmp_path: Path) -> None:
    plain = gzip.decompress(packed({"x": b"1" * 5000}))
    parts = plain[:700], plain[700:]
    (tmp_path / "a").write_bytes(b"".join(map(gzip.compress, parts)) + bytes(512))
    archives.extract(tmp_path / "a", tmp_path / "out", name="The code")
    assert (tmp_path / "out/x").read_bytes() == b"1" * 5000


def test_a_wrong_checksum_is_noticed(tmp_path: Path) -> None:
    data = bytearray(packed({"x": b"1" * 5000}))
    data[-8] ^= 1
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(Terminal, match="could not be unpacked"):
        archives.extract(tmp_path / "a", tmp_path / "out", name="The code")
