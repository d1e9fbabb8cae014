"""Whatever the data and the limit: every record is sent once, in order, in payloads that fit."""

from __future__ import annotations

import itertools
import mmap
import struct
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright_container.transform.errors import BadData
from sagewright_container.transform.splitting import MAGIC, payloads

LINE = st.binary(max_size=12).filter(lambda line: not set(line) & set(b"\r\n"))
LINES = st.lists(LINE, max_size=30)
BODIES = st.lists(st.binary(max_size=12), max_size=20)
ENDS = st.sampled_from([b"", b"\n", b"\n\n"])


def split(data: bytes, kind: str, *, single: bool = False, limit: int = 0) -> list[bytes]:
    return [bytes(payload) for payload in payloads(data, kind, single=single, limit=limit)]


def recordio(bodies: list[bytes]) -> bytes:
    return b"".join(struct.pack("<II", MAGIC, len(body)) + body + bytes(-len(body) % 4) for body in bodies)


def tfrecord(bodies: list[bytes]) -> bytes:
    return b"".join(struct.pack("<QI", len(body), 7) + body + b"\1\2\3\4" for body in bodies)


@given(LINES, ENDS, st.integers(12, 60))
def test_lines_are_packed_whole_and_in_order(lines: list[bytes], end: bytes, limit: int) -> None:
    data = b"\n".join(lines) + end
    found = split(data, "Line", limit=limit)
    assert all(len(payload) <= limit for payload in found)
    assert [line for payload in found for line in payload.split(b"\n") if line] == [line for line in lines if line]


@given(LINES, st.integers(12, 60))
def test_payloads_hold_as_much_as_fits(lines: list[bytes], limit: int) -> None:
    found = split(b"\n".join(line or b"x" for line in lines), "Line", limit=limit)
    for payload, following in itertools.pairwise(found):
        assert len(payload) + 1 + len(following.split(b"\n")[0]) > limit


@given(LINES, ENDS, st.sampled_from([b"\n", b"\r\n"]))
def test_single_lines_come_without_their_ends(lines: list[bytes], end: bytes, newline: bytes) -> None:
    data = newline.join(lines) + end
    assert split(data, "Line", single=True, limit=12) == [line for line in lines if line]


@given(BODIES, st.integers(40, 120))
@pytest.mark.parametrize(("kind", "write"), [("RecordIO", recordio), ("TFRecord", tfrecord)])
def test_binary_records_are_packed_as_they_stand(kind: str, write: object, bodies: list[bytes], limit: int) -> None:
    assert callable(write)
    found = split(write(bodies), kind, limit=limit)
    assert b"".join(found) == write(bodies)
    assert all(len(payload) <= limit for payload in found)
    again = [body for payload in found for body in split(payload, kind, single=True)]
    assert again == bodies, "a payload does not begin and end with a record"


@given(BODIES)
@pytest.mark.parametrize(("kind", "write"), [("RecordIO", recordio), ("TFRecord", tfrecord)])
def test_single_binary_records_are_unwrapped(kind: str, write: object, bodies: list[bytes]) -> None:
    assert callable(write)
    assert split(write(bodies), kind, single=True) == bodies


def test_a_record_in_parts_is_put_together() -> None:
    parts = [(1, b"abcd"), (2, b"efgh"), (3, b"ij")]
    data = b"".join(struct.pack("<II", MAGIC, kind << 29 | len(b)) + b + bytes(-len(b) % 4) for kind, b in parts)
    magic = struct.pack("<I", MAGIC)
    assert split(data + recordio([b"xy"]), "RecordIO", single=True) == [magic.join([b"abcd", b"efgh", b"ij"]), b"xy"]


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"12345\n1234567890123\n", "Line", "Too much data for max payload size"),
        (b"1234567890123", "None", "Too much data for max payload size"),
        (recordio([b"a" * 20]), "RecordIO", "Too much data for max payload size"),
        (b"\1\2\3\4\5\6\7\10", "RecordIO", "no RecordIO record at byte 0"),
        (recordio([b"abc"])[:5], "RecordIO", "header is cut short"),
        (recordio([b"abc"])[:10], "RecordIO", "at byte 0 is cut short"),
        (struct.pack("<II", MAGIC, 1 << 29), "RecordIO", "lacks its end"),
        (tfrecord([b"abc"])[:5], "TFRecord", "header is cut short"),
        (tfrecord([b"abc"])[:16], "TFRecord", "at byte 0 is cut short"),
    ],
)
@pytest.mark.parametrize("single", [True, False])
def test_what_is_too_large_or_broken_is_told(data: bytes, kind: str, words: str, single: bool) -> None:
    with pytest.raises(BadData, match=words):
        split(data, kind, single=single, limit=12)


@pytest.mark.parametrize("kind", ["None", "Line", "RecordIO", "TFRecord"])
def test_nothing_is_sent_of_an_empty_object(kind: str) -> None:
    assert split(b"", kind, limit=5) == []


def test_lines_of_a_mapped_file_are_split_alike() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"one\ntwo\nthree\n")
        file.flush()
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        assert [bytes(p) for p in payloads(data, "Line", single=False, limit=8)] == [b"one\ntwo", b"three"]
