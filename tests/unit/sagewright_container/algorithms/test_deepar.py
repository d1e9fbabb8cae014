"""DeepAR's declarations, and the reading of time series: nothing of GluonTS."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from sagewright_container.algorithms import deepar, time_series
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.deepar import DEEPAR
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate

REQUIRED = {"context_length": "12", "prediction_length": "12", "epochs": "3", "time_freq": "5min"}


def test_the_defaults_are_aws() -> None:
    values = validate(DEEPAR.hyperparameters, REQUIRED)
    DEEPAR.check(values)
    assert (values["likelihood"], values["num_cells"], values["num_layers"]) == ("student-T", 40, 2)
    assert (deepar.cardinality(values), deepar.dynamic_features(values)) == ("auto", "auto")
    assert deepar.quantiles(values) == pytest.approx([tenth / 10 for tenth in range(1, 10)])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("time_freq", "5 minutes"),
        ("time_freq", "0D"),
        ("cardinality", "[0]"),
        ("cardinality", "two"),
        ("num_dynamic_feat", "-1"),
        ("test_quantiles", "[1.5]"),
        ("test_quantiles", "0.5"),
    ],
)
def test_wrong_texts_are_named(name: str, text: str) -> None:
    values = validate(DEEPAR.hyperparameters, {**REQUIRED, name: text})
    with pytest.raises(ClientError, match=f"Hyperparameter {name}"):
        DEEPAR.check(values)


def test_what_is_set_is_taken() -> None:
    values = validate(
        DEEPAR.hyperparameters, {**REQUIRED, "cardinality": "[2, 3]", "num_dynamic_feat": "2", "time_freq": "H"}
    )
    DEEPAR.check(values)
    assert (deepar.cardinality(values), deepar.dynamic_features(values)) == ([2, 3], 2)
    ignored = {**values, "cardinality": "ignore", "num_dynamic_feat": ""}
    assert (deepar.cardinality(ignored), deepar.dynamic_features(ignored)) == ([], 0)


def test_an_epoch_sees_each_value_about_once() -> None:
    assert deepar.epoch_batches({"prediction_length": 10, "mini_batch_size": 20}, 2000) == 10
    assert deepar.epoch_batches({"prediction_length": 10, "mini_batch_size": 20}, 5) == 1


def channel(folder: Path, name: str, data: bytes, content_type: str = "auto") -> Input:
    (folder / name).write_bytes(data)
    return Input("train", content_type, str(folder))


def test_series_are_read_with_what_is_missing(tmp_path: Path) -> None:
    text = (
        b'{"start": "2024-01-31", "target": [1, null, "NaN", NaN, 2.5], "cat": 3, "dynamic_feat": [[1, 2, 3, 4, 5]]}\n'
    )
    (one,) = time_series.read(channel(tmp_path, "a.json", text))
    assert (one.start.isoformat(), one.categories) == ("2024-01-31T00:00:00", (3,))
    np.testing.assert_array_equal(one.target, np.array([1, np.nan, np.nan, np.nan, 2.5], np.float32))
    assert one.dynamic.shape == (1, 5)


def test_compressed_lines_are_read(tmp_path: Path) -> None:
    data = gzip.compress(b'{"start": "2024-01-31 10:00:00", "target": [1]}\n\n')
    assert len(time_series.read(channel(tmp_path, "a.json.gz", data))) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "a.json, line 2 in channel train: it is not JSON"),
        (b"[1]", "a.json, line 2 in channel train: it is no time series"),
        (b'{"start": "yesterday", "target": []}', "start is 'yesterday'"),
        (b'{"start": "2024-01-01", "target": 5}', "target is no list"),
        (b'{"start": "2024-01-01", "target": ["five"]}', "target holds what is no number"),
        (b'{"start": "2024-01-01", "target": [Infinity]}', "not finite"),
        (b'{"start": "2024-01-01", "target": [1], "cat": ["a"]}', "cat holds what is no category"),
        (b'{"start": "2024-01-01", "target": [1], "cat": -1}', "cat holds what is no category"),
        (b'{"start": "2024-01-01", "target": [1], "dynamic_feat": [[1], [1, 2]]}', "differ in length"),
        (b'{"start": "2024-01-01", "target": [1], "dynamic_feat": [[null]]}', "dynamic_feat holds a value that is mis"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, line: bytes, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        time_series.read(channel(tmp_path, "a.json", b'{"start": "2024-01-01", "target": [1]}\n' + line))


def test_a_file_that_says_nothing_of_its_form(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="set the channel's ContentType"):
        time_series.read(channel(tmp_path, "series", b"{}"))


def test_no_data(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="holds no data"):
        time_series.read(channel(tmp_path, "a.json", b"\n"))
