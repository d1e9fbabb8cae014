"""What requests to the built-in algorithms may hold, and what they answer: one record for each row.

Forms are those of AWS's developer guide ("Common Data Formats for Inference"): CSV, JSON, JSON lines and
RecordIO-protobuf; rows are dense or sparse. Answers name what they give of each row: {"score": …}.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from sagewright_container import recordio
from sagewright_container.algorithms import row_formats
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.serving import content
from sagewright_container.serving.errors import UnsupportedContent

Outputs = Mapping[str, Any]
"""Name → an array with a number, or a row of numbers, for each record."""

ACCEPTS = dict.fromkeys((content.JSON, content.JSON_LINES, content.RECORDIO, content.CSV))


def decode(body: bytes, media: str) -> Any:
    """Rows by columns: float32 array or CSR matrix. Raises UnsupportedContent with what is wrong, and where."""
    decoder = DECODERS.get(media)
    if decoder is None:
        raise UnsupportedContent(f"Content type {media} is not supported: it is one of {', '.join(DECODERS)}.")
    try:
        return decoder(body)
    except (ClientError, ValueError) as error:
        raise UnsupportedContent(f"The request could not be read as {media}: {error}") from error


def encode(outputs: Outputs, media: str, *, title: str) -> bytes:
    """Answers in one of ACCEPTS; `title` is what JSON calls the list of them."""
    return _to_json(outputs, title) if media == content.JSON else ENCODERS[media](outputs)


def _json(body: bytes) -> Any:
    value = content.from_json(body)
    if not isinstance(value, dict) or not isinstance(value.get("instances"), list):
        raise ValueError('It is not of the form {"instances": [{"features": [1, 2]}, …]}.')
    return _rows(value["instances"])


def _json_lines(body: bytes) -> Any:
    return _rows([content.from_json(line) for line in body.splitlines() if line.strip()])


def _rows(instances: Sequence[Any]) -> Any:
    tensors = [_tensor(instance, number) for number, instance in enumerate(instances, 1)]
    if any(tensor.keys for tensor in tensors):
        values = np.array([value for tensor in tensors for value in tensor.values], np.float32)
        columns = np.array([key for tensor in tensors for key in tensor.keys], np.int64)
        width = max((tensor.width for tensor in tensors), default=0)
        return row_formats.csr(values, columns, [len(tensor.values) for tensor in tensors], width)
    widths = {len(tensor.values) for tensor in tensors}
    if len(widths) > 1:
        raise ValueError(f"The instances differ in their number of features: {sorted(widths)}.")
    return np.array([tensor.values for tensor in tensors], np.float32).reshape(len(tensors), -1)


def _tensor(instance: Any, number: int) -> recordio.Tensor:
    """`{"features": [1, 2]}`, or `{"data": {"features": {"values": …}}}`; sparse: with `keys` and `shape`."""
    match instance:
        case {"features": list() as values}:
            return recordio.Tensor(values)
        case {"data": {"features": {"values": list() as values} as features}}:
            keys, shape = features.get("keys") or (), features.get("shape") or (0,)
            if keys and len(keys) != len(values):
                raise ValueError(f"Instance {number} has {len(keys)} keys and {len(values)} values.")
            return recordio.Tensor(values, keys, int(shape[-1]))
    raise ValueError(f'Instance {number} has no features: write {{"features": [1, 2]}}.')


def _csv(body: bytes) -> Any:
    body = body.strip()
    return row_formats.csv_matrix(body) if body else np.empty((0, 0), np.float32)


def _recordio(body: bytes) -> Any:
    return row_formats.recordio_features(body)[0]


DECODERS: dict[str, Callable[[bytes], Any]] = {
    content.CSV: _csv,
    content.JSON: _json,
    content.JSON_LINES: _json_lines,
    content.RECORDIO: _recordio,
}


def _records(outputs: Outputs) -> list[dict[str, Any]]:
    names = list(outputs)
    columns = [np.asarray(values).tolist() for values in outputs.values()]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _to_json(outputs: Outputs, title: str) -> bytes:
    return orjson.dumps({title: _records(outputs)})


def _to_json_lines(outputs: Outputs) -> bytes:
    return b"".join(orjson.dumps(record) + b"\n" for record in _records(outputs))


def _to_recordio(outputs: Outputs) -> bytes:
    return recordio.write(
        [
            {name: value if isinstance(value, list) else [value] for name, value in record.items()}
            for record in _records(outputs)
        ]
    )


def _to_csv(outputs: Outputs) -> bytes:
    """A line for each row, what it gives in the order of the names."""
    columns = [np.asarray(values) for values in outputs.values()]
    cells = [column.reshape(len(column), -1).tolist() for column in columns]
    rows = cells[0] if len(cells) == 1 else [[*itertools.chain(*row)] for row in zip(*cells, strict=True)]
    return content.csv_lines(rows)


ENCODERS: dict[str, Callable[[Outputs], bytes]] = {
    content.JSON_LINES: _to_json_lines,
    content.RECORDIO: _to_recordio,
    content.CSV: _to_csv,
}
