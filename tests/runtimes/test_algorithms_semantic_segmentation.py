"""Semantic Segmentation in its environment: trained on shapes and their masks, and asked."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from sagewright_container import recordio
from sagewright_container.algorithms.vision.image_records import frame

HYPERPARAMETERS = {
    "backbone": "resnet-18",
    "num_classes": "4",
    "num_training_samples": "60",
    "base_size": "32",
    "crop_size": "32",
    "epochs": "5",
    "optimizer": "adam",
    "learning_rate": "0.001",
    "mini_batch_size": "10",
}
CHANNELS = ("train", "validation", "train_annotation", "validation_annotation")


@pytest.fixture
def image(container: Callable[..., Any]) -> Any:
    return container("semantic-segmentation", "pytorch")


def masked(container: Any, shapes: Any, hyperparameters: dict[str, str] = HYPERPARAMETERS) -> None:
    container.job(hyperparameters, **dict.fromkeys(CHANNELS, "application/x-image"))
    for channel, some in shapes.items():
        for number, each in enumerate(some):
            container.write(f"input/data/{channel}/{number}.png", each.image)
            container.write(f"input/data/{channel}_annotation/{number}.png", each.mask)


@pytest.fixture(scope="module")
def trained(container: Callable[..., Any], shapes: Any) -> Any:
    made = container("semantic-segmentation", "pytorch")
    masked(made, shapes)
    made.done = made.train()
    assert made.done.returncode == 0, made.done.stderr
    return made


def pixels(png: bytes) -> list[bytes]:
    """The rows of a grey image that Pillow wrote without a filter, or with the simplest ones."""
    width = struct.unpack_from(">I", png, 16)[0]
    place, packed = 8, b""
    while place < len(png):
        length, name = struct.unpack_from(">I4s", png, place)
        packed += png[place + 8 : place + 8 + length] if name == b"IDAT" else b""
        place += 12 + length
    data, rows, above = zlib.decompress(packed), [], bytes(width)
    for start in range(0, len(data), width + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + width])
        for x in range(width):
            left, up, corner = (row[x - 1], above[x], above[x - 1]) if x else (0, above[x], 0)
            nearest = min((left, up, corner), key=lambda value, at=left + up - corner: abs(at - value))
            row[x] = (row[x] + (0, left, up, (left + up) // 2, nearest)[kind]) & 255
        above = bytes(row)
        rows.append(above)
    return rows


def test_it_learns_and_tells_so(trained: Any) -> None:
    from sagewright_container.algorithms.semantic_segmentation import SEMANTIC_SEGMENTATION

    told = {each.name: re.findall(each.regex, trained.done.stdout) for each in SEMANTIC_SEGMENTATION.metrics}
    assert all(len(values) == 5 for values in told.values()), told
    assert float(told["train:loss"][-1]) < float(told["train:loss"][0])
    assert max(map(float, told["validation:mIOU"])) > 0.4
    assert max(map(float, told["validation:pixel_accuracy"])) > 0.85


def test_it_answers_masks_and_probabilities(trained: Any, shapes: Any) -> None:
    asked = shapes["validation"][0]
    with trained.serving() as invoke:
        answer = invoke(asked.image, "image/png", "image/png")
        assert (answer.status, answer.content_type) == (200, "image/png")
        rows, truth = pixels(answer.body), pixels(asked.mask)
        pairs = [pair for row, true in zip(rows, truth, strict=True) for pair in zip(row, true, strict=True)]
        assert sum(found == true for found, true in pairs) > 0.8 * len(pairs)
        answer = invoke(asked.image, "application/x-image")
        assert answer.content_type == "application/x-recordio-protobuf"
        (record,) = recordio.read(answer.body)
        assert list(record.features["shape"].values) == [1, 4, 32, 32]
        values = record.features["target"].values
        assert sum(values[plane * 1024] for plane in range(4)) == pytest.approx(1, abs=1e-5)
        assert invoke(b"no image", "image/jpeg").status == 400
        assert invoke(asked.image, "image/png", "application/json").status == 406


@pytest.mark.parametrize("algorithm", ["psp", "deeplab"])
def test_a_label_map_and_a_manifest(image: Any, shapes: Any, algorithm: str) -> None:
    """Another head each; a manifest as Pipe mode wraps it; a map that says that 9 is 0."""
    short = {**HYPERPARAMETERS, "epochs": "1", "algorithm": algorithm, "mini_batch_size": "8"}
    image.job(short, train="application/x-recordio", label_map="application/json")
    pairs = [frame(each.image) + frame(each.mask) for each in shapes["train"][:8]]
    image.write("input/data/train/train.rec", b"".join(pairs))
    image.write("input/data/label_map/train_label_map.json", '{"map": {"0": 9}}')
    done = image.train()
    assert done.returncode == 0, done.stderr
    assert "train loss <loss>=" in done.stdout


@pytest.mark.parametrize(
    ("hyperparameters", "files", "said"),
    [
        ({"num_classes": "2"}, {}, "1.png in channel train: The mask has the class 2."),
        ({}, {"train_annotation/3.png": None}, "3.png in channel train has no mask"),
        ({}, {"train_annotation/3.png": b"GIF?"}, "3.png in channel train: The mask is no PNG image"),
        ({"use_pretrained_model": "True"}, {}, "Hyperparameter use_pretrained_model: Pretrained weights"),
        ({"lr_scheduler": "step"}, {}, "Hyperparameter lr_scheduler is step"),
    ],
)
def test_what_cannot_be_trained_on_is_said(
    image: Any, shapes: Any, hyperparameters: dict[str, str], files: dict[str, bytes | None], said: str
) -> None:
    masked(image, shapes, {**HYPERPARAMETERS, **hyperparameters})
    for name, data in files.items():
        (image.base / "input/data" / name).unlink()
        if data is not None:
            image.write(f"input/data/{name}", data)
    assert image.train().returncode == 1
    assert image.failure().startswith(f"ClientError: {said}")
