"""Arrow's own S3 file system, which is AWS's SDK for C++, and datasets on it."""

import os
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyarrow import fs as arrow_fs

from .conftest import STRANGE

FILE, FOLDER, NOTHING = arrow_fs.FileType.File, arrow_fs.FileType.Directory, arrow_fs.FileType.NotFound


def put(arrow: Any, path: str, data: bytes) -> None:
    with arrow.open_output_stream(path) as file:
        file.write(data)


def get(arrow: Any, path: str) -> bytes:
    with arrow.open_input_stream(path) as file:
        return bytes(file.read())


def kinds(arrow: Any, *paths: str) -> list[Any]:
    return [info.type for info in arrow.get_file_info(list(paths))]


def test_files_and_folders(arrow: Any, box: str) -> None:
    put(arrow, f"{box}/a/b/c.txt", b"hello")
    assert get(arrow, f"{box}/a/b/c.txt") == b"hello"
    assert kinds(arrow, box, f"{box}/a", f"{box}/a/b/c.txt", f"{box}/a/none") == [FOLDER, FOLDER, FILE, NOTHING]
    put(arrow, f"{box}/a/b/c.txt", b"hello again")
    with arrow.open_input_file(f"{box}/a/b/c.txt") as file:
        file.seek(6)
        assert (file.size(), file.read()) == (11, b"again")
    arrow.move(f"{box}/a/b/c.txt", f"{box}/a/moved.txt")
    arrow.copy_file(f"{box}/a/moved.txt", f"{box}/copy.txt")
    arrow.delete_file(f"{box}/a/moved.txt")
    assert get(arrow, f"{box}/copy.txt") == b"hello again"
    with pytest.raises(FileNotFoundError):
        get(arrow, f"{box}/a/moved.txt")


def test_empty_folders_are_markers(arrow: Any, box: str, keys: Callable[..., list[str]]) -> None:
    arrow.create_dir(f"{box}/made/deep", recursive=True)
    assert kinds(arrow, f"{box}/made", f"{box}/made/deep") == [FOLDER, FOLDER]
    assert "made/deep/" in keys()
    put(arrow, f"{box}/made/deep/a", b"1")
    listed = arrow.get_file_info(arrow_fs.FileSelector(f"{box}/made", recursive=True))
    assert sorted((info.path, info.type) for info in listed) == [
        (f"{box}/made/deep", FOLDER),
        (f"{box}/made/deep/a", FILE),
    ]
    arrow.delete_dir_contents(f"{box}/made")
    assert arrow.get_file_info(arrow_fs.FileSelector(f"{box}/made", recursive=True)) == []
    arrow.delete_dir(f"{box}/made")
    assert keys() == []


def test_strange_names_stay_themselves(arrow: Any, box: str, keys: Callable[..., list[str]]) -> None:
    for name in STRANGE:
        put(arrow, f"{box}/{name}", name.encode())
    assert [key for key in keys() if not key.endswith("/")] == sorted(STRANGE)
    listed = arrow.get_file_info(arrow_fs.FileSelector(box, recursive=True))
    assert {info.path.removeprefix(f"{box}/") for info in listed if info.type == FILE} == set(STRANGE)
    for name in STRANGE:
        arrow.copy_file(f"{box}/{name}", f"{box}/copies/{name}")
        assert get(arrow, f"{box}/copies/{name}") == name.encode()


def test_a_large_file_goes_in_parts(arrow: Any, box: str) -> None:
    with arrow.open_output_stream(f"{box}/large", metadata={"Content-Type": "text/x"}) as file:
        for number in range(25):
            file.write(bytes([number]) * 2**20)
    with arrow.open_input_file(f"{box}/large") as file:
        assert file.read_at(2, 11 * 2**20 - 1) == b"\x0a\x0b"
        assert file.metadata()["Content-Type"] == b"text/x"


def test_a_bucket_is_made_listed_and_removed(unique: Callable[[str], str]) -> None:
    arrow = arrow_fs.S3FileSystem(
        endpoint_override=os.environ["AWS_ENDPOINT_URL"], allow_bucket_creation=True, allow_bucket_deletion=True
    )
    name = unique("arrow")
    arrow.create_dir(name)
    assert name in [info.path for info in arrow.get_file_info(arrow_fs.FileSelector(""))]
    arrow.delete_dir(name)
    assert kinds(arrow, name) == [NOTHING]


def test_the_bucket_in_the_host_name(arrow: Any, box: str) -> None:
    put(arrow, f"{box}/a.txt", b"1")
    endpoint = os.environ["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost")
    virtual = arrow_fs.S3FileSystem(endpoint_override=endpoint, force_virtual_addressing=True)
    assert get(virtual, f"{box}/a.txt") == b"1"


def test_what_is_open_to_everybody_is_read_without_keys(open_box: str, s3: Any) -> None:
    s3.put_object(Bucket=open_box, Key="open/a.txt", Body=b"1")
    nobody = arrow_fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"], anonymous=True)
    assert get(nobody, f"{open_box}/open/a.txt") == b"1"
    assert len(nobody.get_file_info(arrow_fs.FileSelector(f"{open_box}/open"))) == 1


def test_datasets_are_partitioned_overwritten_and_filtered(arrow: Any, box: str, table: Any) -> None:
    rows = pa.Table.from_pandas(table)
    for _ in range(2):  # the second time it takes the place of the first
        ds.write_dataset(
            rows,
            f"{box}/rows",
            filesystem=arrow,
            format="parquet",
            partitioning=["group"],
            partitioning_flavor="hive",
            existing_data_behavior="delete_matching",
        )
    dataset = ds.dataset(f"{box}/rows", filesystem=arrow, partitioning="hive")
    assert dataset.count_rows() == 1000
    assert dataset.to_table(filter=ds.field("group") == "b c").num_rows == 333
    assert pq.read_table(f"s3://{box}/rows", filters=[("id", "<", 10)]).num_rows == 10


def test_a_dataset_of_many_files(arrow: Any, box: str) -> None:
    for number in range(100):
        pq.write_table(pa.table({"n": [number]}), f"{box}/many/{number}.parquet", filesystem=arrow)
    found = ds.dataset(f"{box}/many", filesystem=arrow).to_table()
    assert sorted(found["n"].to_pylist()) == list(range(100))
