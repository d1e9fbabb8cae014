"""MXNet's image records, written and read."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sagewright_container.algorithms.vision import image_records
from sagewright_container.algorithms.vision.image_records import ImageRecord
from sagewright_container.recordio import MAGIC, FormatError

MAGIC_BYTES = struct.pack("<I", MAGIC)
PIECES = some.lists(some.sampled_from([MAGIC_BYTES, b"", b"a", b"abc", b"abcd", bytes(12)]), max_size=9)


@given(some.lists(PIECES, max_size=4))
def test_what_is_framed_is_read_again(payloads: list[list[bytes]]) -> None:
    whole = [b"".join(pieces) for pieces in payloads]
    assert list(image_records.frames(b"".join(map(image_records.frame, whole)))) == whole


def test_a_magic_inside_is_cut_out_as_mxnet_does() -> None:
    assert image_records.frame(b"abcd" + MAGIC_BYTES + b"ef") == (
        MAGIC_BYTES
        + struct.pack("<I", 1 << 29 | 4)
        + b"abcd"
        + MAGIC_BYTES
        + struct.pack("<I", 3 << 29 | 2)
        + b"ef\0\0"
    )


@pytest.mark.parametrize("labels", [(3.0,), (0.0, 1.0, 0.5)])
def test_a_record_keeps_its_labels_and_its_image(labels: tuple[float, ...]) -> None:
    record = ImageRecord(labels, b"\xff\xd8\xffimage", 7)
    assert list(image_records.read(image_records.write([record, record]))) == [record, record]


def test_one_label_is_in_the_header() -> None:
    data = image_records.write([ImageRecord((2.0,), b"im", 5)])
    assert data[8:] == struct.pack("<IfQQ", 0, 2.0, 5, 0) + b"im" + b"\0\0"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"abc", "A RecordIO header is cut short."),
        (b"abcdefgh", "There is no RecordIO record at byte 0."),
        (MAGIC_BYTES + struct.pack("<I", 8) + b"ab", "The RecordIO record at byte 0 is cut short."),
        (MAGIC_BYTES + struct.pack("<I", 2 << 29 | 4) + b"abcd", "The RecordIO record at byte 0 is a part of none."),
        (MAGIC_BYTES + struct.pack("<I", 1 << 29 | 4) + b"abcd", "The last RecordIO record is cut short."),
        (image_records.frame(b"short"), "An image record is shorter than its header."),
        (image_records.frame(struct.pack("<IfQQ", 9, 0, 0, 0)), "An image record is shorter than its labels."),
    ],
)
def test_what_is_no_image_record_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        list(image_records.read(data))
