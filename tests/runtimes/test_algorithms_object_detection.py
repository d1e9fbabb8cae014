"""Object Detection in its environment: trained on shapes and their boxes, and asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from sagewright_container.algorithms.vision import image_records
from sagewright_container.algorithms.vision.image_records import ImageRecord, frame

HYPERPARAMETERS = {
    "base_network": "resnet-18",
    "num_classes": "3",
    "num_training_samples": "60",
    "image_shape": "64",
    "epochs": "9",
    "optimizer": "adam",
    "learning_rate": "0.001",
    "lr_scheduler_step": "7",
    "mini_batch_size": "12",
}
SHORT = {**HYPERPARAMETERS, "epochs": "1", "mini_batch_size": "4"}
CHANNELS = ("train", "validation", "train_annotation", "validation_annotation")


@pytest.fixture
def image(container: Callable[..., Any]) -> Any:
    return container("object-detection", "pytorch")


def annotation(each: Any, name: str = "") -> dict[str, Any]:
    box = {"class_id": each.kind, "left": each.left, "top": each.top, "width": each.side, "height": each.side}
    return {"file": name, "image_size": [{"width": each.size, "height": each.size, "depth": 3}], "annotations": [box]}


def edges(each: Any) -> tuple[float, ...]:
    """Of its box, in parts of the image."""
    ends = (each.left, each.top, each.left + each.side, each.top + each.side)
    return tuple(end / each.size for end in ends)


def annotated(container: Any, shapes: Any, hyperparameters: dict[str, str] = HYPERPARAMETERS) -> None:
    container.job(hyperparameters, **dict.fromkeys(CHANNELS, "image/png"))
    for channel, some in shapes.items():
        for number, each in enumerate(some):
            container.write(f"input/data/{channel}/{number}.png", each.image)
            told = json.dumps(annotation(each, f"{number}.png"))
            container.write(f"input/data/{channel}_annotation/{number}.json", told)


@pytest.fixture(scope="module")
def trained(container: Callable[..., Any], shapes: Any) -> Any:
    made = container("object-detection", "pytorch")
    annotated(made, shapes)
    made.done = made.train()
    assert made.done.returncode == 0, made.done.stderr
    return made


def test_it_learns_and_tells_so(trained: Any) -> None:
    from sagewright_container.algorithms.object_detection import OBJECT_DETECTION

    told = {each.name: re.findall(each.regex, trained.done.stdout) for each in OBJECT_DETECTION.metrics}
    assert all(len(values) == 9 for values in told.values()), told
    assert float(told["train:cross_entropy"][-1]) < float(told["train:cross_entropy"][0]) / 2
    assert max(map(float, told["validation:mAP"])) > 0.7


def test_it_answers_boxes(trained: Any, shapes: Any) -> None:
    right = 0
    with trained.serving() as invoke:
        for each in shapes["validation"]:
            answer = invoke(each.image, "image/png")
            assert answer.content_type == "application/json"
            kind, score, left, top, right_edge, bottom = json.loads(answer.body)["prediction"][0]
            assert 0 < score <= 1
            middle = ((left + right_edge) / 2 * each.size, (top + bottom) / 2 * each.size)
            near = all(
                abs(at - start - each.side / 2) < each.side / 2
                for at, start in zip(middle, (each.left, each.top), strict=True)
            )
            right += kind == each.kind and near
        line = invoke(shapes["validation"][0].image, "application/x-image", "application/jsonlines")
        assert line.body.endswith(b"}\n")
        assert invoke(b"no image", "image/png").status == 400
    assert right > 10


@pytest.mark.parametrize("base", ["vgg-16", "resnet-50"])
def test_records_and_manifests_on_each_base(image: Any, shapes: Any, base: str) -> None:
    some = shapes["train"][:8]
    image.job({**SHORT, "base_network": base, "freeze_layer_pattern": "^conv1.*"}, train="application/x-recordio")
    if base == "vgg-16":  # as Pipe mode wraps an augmented manifest
        data = b"".join(frame(each.image) + frame(json.dumps(annotation(each)).encode()) for each in some)
    else:
        labels = [(2.0, 5.0, each.kind, *edges(each)) for each in some]
        data = image_records.write([ImageRecord(told, each.image) for told, each in zip(labels, some, strict=True)])
    image.write("input/data/train/train.rec", data)
    done = image.train()
    assert done.returncode == 0, done.stderr
    assert re.search(r"batch=1 train smooth_l1 <loss>=\d", done.stdout)


@pytest.mark.parametrize(
    ("hyperparameters", "told", "said"),
    [
        ({"num_classes": "1"}, {}, "1.json in channel train_annotation: The class is 1."),
        ({}, {"file": "gone.png"}, "0.json in channel train_annotation: there is no image gone.png in channel train."),
        ({}, {"image_size": []}, "0.json in channel train_annotation: The annotation needs"),
        ({"freeze_layer_pattern": "("}, {}, "Hyperparameter freeze_layer_pattern is not a regular expression"),
    ],
)
def test_what_cannot_be_trained_on_is_said(
    image: Any, shapes: Any, hyperparameters: dict[str, str], told: dict[str, Any], said: str
) -> None:
    annotated(image, {"train": shapes["train"][:2]}, {**SHORT, **hyperparameters})
    if told:
        changed = {**annotation(shapes["train"][0], "0.png"), **told}
        image.write("input/data/train_annotation/0.json", json.dumps(changed))
    assert image.train().returncode == 1
    assert image.failure().startswith(f"ClientError: {said}")
