"""RecordIO-protobuf. The bytes were written by sagemaker-training 5.1.4's encoder."""

from __future__ import annotations

import pytest

from sagewright_container import recordio

DENSE32 = (
    "0a23d7ce2c0000000a160a0676616c756573120c120a0a080000c03f000000c012120a0676616c756573120812060a040000803f"
    "0a23d7ce2c0000000a160a0676616c756573120c120a0a08000000000000504012120a0676616c756573120812060a0400000000"
)
DENSE64 = (
    "0a23d7ce380000000a1e0a0676616c75657312141a120a10000000000000f83f00000000000000c012160a0676616c756573120c"
    "1a0a0a080000000000001c40"
)
INT32 = (
    "0a23d7ce2e0000000a1b0a0676616c75657312113a0f0a0d01feffffffffffffffff01ac02120f0a0676616c75657312053a030a01040000"
)
SPARSE = (
    "0a23d7ce2e0000000a180a0676616c756573120e120c0a04000020401201021a010312120a0676616c756573120812060a040000"
    "803f00000a23d7ce2e0000000a180a0676616c756573120e120c0a040000c03f1201001a010312120a0676616c75657312081206"
    "0a04000000400000"
)
UNLABELLED = "0a23d7ce140000000a120a0676616c756573120812060a040000c03f"


@pytest.mark.parametrize(
    ("data", "values", "labels"),
    [
        (DENSE32, [[1.5, -2.0], [0.0, 3.25]], [1.0, 0.0]),
        (DENSE64, [[1.5, -2.0]], [7.0]),
        (INT32, [[1, -2, 300]], [4]),
        (SPARSE, [[2.5], [1.5]], [1.0, 2.0]),
        (UNLABELLED, [[1.5]], []),
    ],
)
def test_what_sagemakers_own_encoder_writes(data: str, values: list[list[float]], labels: list[float]) -> None:
    records = list(recordio.read(bytes.fromhex(data)))
    assert [list(record.features["values"].values) for record in records] == values
    assert [record.label["values"].values[0] for record in records if record.label] == labels


def test_sparse_rows_have_columns_and_a_width() -> None:
    tensors = [record.features["values"] for record in recordio.read(bytes.fromhex(SPARSE))]
    assert [(tensor.keys, tensor.width) for tensor in tensors] == [([2], 3), ([0], 3)]


def test_a_prediction_reads_back() -> None:
    data = recordio.write([{"score": [0.5]}, {"score": [0.25, 1.0], "label": [3.0]}])
    assert len(data) % 4 == 0
    first, second = recordio.read(data)
    assert list(first.label["score"].values) == [0.5]
    assert list(second.label["score"].values) == [0.25, 1.0]
    assert list(second.label["label"].values) == [3.0]
    assert second.features == {}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x01\x02", "header is cut short"),
        (b"label,x\n1,2\n", "no RecordIO record at byte 0"),
        (recordio.write([{"score": [0.5]}])[:-8], "cut short"),
        (b"\x0a\x23\xd7\xce\x02\x00\x00\x00\x0b\x00\x00\x00", "unknown wire type 3"),
        (b"\x0a\x23\xd7\xce\x02\x00\x00\x00\x0a\x09\x00\x00", "ends inside a field"),
        (b"\x0a\x23\xd7\xce\x01\x00\x00\x00\xff\x00\x00\x00", "does not end"),
    ],
)
def test_what_is_not_recordio(data: bytes, sentence: str) -> None:
    with pytest.raises(recordio.FormatError, match=sentence):
        list(recordio.read(data))
