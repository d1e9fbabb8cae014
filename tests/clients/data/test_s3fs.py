"""s3fs, as fsspec's users have it."""

from collections.abc import Callable
from typing import Any

import pytest
import s3fs

from .conftest import STRANGE


def test_files_are_written_read_listed_and_removed(files: Any, box: str) -> None:
    with files.open(f"{box}/folder/a.txt", "wb") as file:
        file.write(b"hello")
    assert files.cat(f"{box}/folder/a.txt") == b"hello"
    assert files.ls(f"{box}/folder") == [f"{box}/folder/a.txt"]
    assert files.isdir(f"{box}/folder")
    assert files.isfile(f"{box}/folder/a.txt")
    assert files.info(f"{box}/folder/a.txt")["size"] == 5
    files.pipe(f"{box}/folder/a.txt", b"overwritten")
    assert files.cat_file(f"{box}/folder/a.txt", start=4, end=11) == b"written"
    files.rm(f"{box}/folder", recursive=True)
    assert not files.exists(f"{box}/folder")
    with pytest.raises(FileNotFoundError):
        files.cat(f"{box}/folder/a.txt")


def test_strange_names_stay_themselves(files: Any, box: str, keys: Callable[..., list[str]]) -> None:
    for name in STRANGE:
        files.pipe_file(f"{box}/{name}", name.encode())
    assert keys() == sorted(STRANGE)
    assert {path.removeprefix(f"{box}/") for path in files.find(box)} == set(STRANGE)
    for name in STRANGE:
        # Not `mv`, which takes some of them for patterns.
        files.cp_file(f"{box}/{name}", f"{box}/moved/{name}")
        files.rm_file(f"{box}/{name}")
    assert keys() == sorted(f"moved/{name}" for name in STRANGE)
    assert all(files.cat_file(f"{box}/moved/{name}") == name.encode() for name in STRANGE)


def test_a_large_file_goes_in_parts_and_is_copied(files: Any, box: str) -> None:
    with files.open(f"{box}/large", "wb", block_size=5 * 2**20) as file:
        for number in range(12):
            file.write(bytes([number]) * 2**20)
    files.cp(f"{box}/large", f"{box}/copy")
    assert files.size(f"{box}/copy") == 12 * 2**20
    with files.open(f"{box}/copy") as file:
        file.seek(7 * 2**20 - 1)
        assert file.read(2) == b"\x06\x07"


def test_files_are_appended_to(files: Any, box: str) -> None:
    files.pipe(f"{box}/log", b"x" * 5 * 2**20)
    with files.open(f"{box}/log", "ab") as file:
        file.write(b"more")
    assert files.tail(f"{box}/log", 6) == b"xxmore"


def test_metadata_and_tags(files: Any, box: str) -> None:
    files.pipe(f"{box}/a", b"1")
    files.setxattr(f"{box}/a", colour="blue")
    assert files.getxattr(f"{box}/a", "colour") == "blue"
    files.put_tags(f"{box}/a", {"stage": "raw"})
    assert files.get_tags(f"{box}/a") == {"stage": "raw"}


def test_folders_go_up_and_down(files: Any, box: str, tmp_path: Any) -> None:
    for number in range(5):
        path = tmp_path / "up" / f"{number % 2}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    files.put(str(tmp_path / "up"), f"{box}/tree", recursive=True)
    files.get(f"{box}/tree", str(tmp_path / "down"), recursive=True)
    names = {path.relative_to(tmp_path / "down").as_posix() for path in (tmp_path / "down").rglob("*.txt")}
    assert names == {"0/0.txt", "1/1.txt", "0/2.txt", "1/3.txt", "0/4.txt"}
    assert files.glob(f"{box}/tree/*/[34].txt") == [f"{box}/tree/0/4.txt", f"{box}/tree/1/3.txt"]


def test_many_small_files(files: Any, box: str) -> None:
    files.pipe({f"{box}/many/{number:04}": b"%d" % number for number in range(1100)})
    found = files.find(f"{box}/many")
    assert len(found) == 1100
    assert files.cat(found[:300])[f"{box}/many/0299"] == b"299"
    assert files.du(f"{box}/many") == sum(len(str(number)) for number in range(1100))
    files.rm(f"{box}/many", recursive=True)
    assert files.find(f"{box}/many") == []


def test_buckets_are_made_and_removed(files: Any, unique: Callable[[str], str]) -> None:
    name = unique("s3fs")
    files.mkdir(name)
    files.touch(f"{name}/empty")
    assert files.info(f"{name}/empty")["size"] == 0
    files.rm(name, recursive=True)
    assert not files.exists(name)


def test_versions(box: str, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Enabled"})
    files = s3fs.S3FileSystem(version_aware=True, skip_instance_cache=True)
    files.pipe(f"{box}/a", b"first")
    first = files.info(f"{box}/a")["VersionId"]
    files.pipe(f"{box}/a", b"second")
    assert files.cat_file(f"{box}/a", version_id=first) == b"first"
    assert len(files.object_version_info(f"{box}/a")) == 2


def test_what_is_open_to_everybody_is_read_without_keys(open_box: str, s3: Any) -> None:
    s3.put_object(Bucket=open_box, Key="open/a.txt", Body=b"1")
    nobody = s3fs.S3FileSystem(anon=True, skip_instance_cache=True)
    assert nobody.cat(f"{open_box}/open/a.txt") == b"1"
    assert nobody.ls(f"{open_box}/open") == [f"{open_box}/open/a.txt"]
    with pytest.raises(PermissionError):
        nobody.pipe(f"{open_box}/open/b.txt", b"2")
