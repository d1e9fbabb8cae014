"""The algorithms for images, each beside a plain loop on the same network or scikit-learn on what windows hold."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from bench.apps.quality.trial import JSON, Told, Trial, library

_SIZE = 64
_WINDOW = 16


def png(pixels: Any) -> bytes:
    """An array of bytes, rows by columns (by colours), as a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def image_classification(base: Path) -> Told:
    """Which digit."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    digits = datasets.load_digits()
    large = np.kron(digits.images, np.ones((1, 4, 4)))[..., None].repeat(3, axis=3)
    images, others, labels, true = train_test_split(
        (large * 15.9).astype(np.uint8), digits.target, test_size=0.25, random_state=0
    )
    trial = Trial(base, "image-classification")
    for number, image in enumerate(images):
        trial.write("train", "application/x-image", png(image), f"{number}.png")
    lines = "".join(f"{number}\t{label}\t{number}.png\n" for number, label in enumerate(labels))
    trial.write("train_lst", "application/x-image", lines, "train.lst")
    sizes = {"num_classes": 10, "num_training_samples": len(images), "image_shape": "3,32,32", "num_layers": 20}
    trial.train({**sizes, "epochs": 4, "learning_rate": 0.05, "mini_batch_size": 32})
    ours = [int(np.argmax(json.loads(trial.ask(png(image), "image/png", JSON)))) for image in others]
    return Told(
        "digits, of 32 by 32 pixels",
        "accuracy",
        float(np.mean(ours == true)),
        float(np.mean(_plain_classes(images, labels, others) == true)),
        f"a plain loop on the same network, {library('torch')}",
        "ResNet of 20 layers, 4 epochs, SGD, learning rate 0.05",
    )


def _plain_classes(images: Any, labels: Any, others: Any) -> Any:
    import torch

    from sagewright_container.algorithms.vision.resnet import ResNet

    torch.manual_seed(0)
    network = ResNet(20, 10).train()
    steps = torch.optim.SGD(network.parameters(), 0.05, 0.9, weight_decay=1e-4)
    inputs, targets = _inputs(images), torch.from_numpy(labels)
    for _ in range(4):
        for part in torch.randperm(len(inputs)).split(32):
            loss = torch.nn.functional.cross_entropy(network(inputs[part]), targets[part])
            steps.zero_grad()
            loss.backward()
            steps.step()
    with torch.inference_mode():
        return network.eval()(_inputs(others)).argmax(1).numpy()


def _inputs(images: Any) -> Any:
    import torch

    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / 128 - 1)


class Scene(NamedTuple):
    """A picture of a disc, a square or a triangle in any colour; `mask` has its kind + 1 where it is."""

    image: Any
    kind: int
    box: tuple[int, int, int, int]
    mask: Any


def scenes(count: int, seed: int) -> list[Scene]:
    """Shapes somewhere on a noisy ground."""
    chance, noise = random.Random(seed), np.random.default_rng(seed)
    made = []
    for number in range(count):
        kind, side = number % 3, chance.randint(18, 30)
        left, top = chance.randint(0, _SIZE - side - 1), chance.randint(0, _SIZE - side - 1)
        box = (left, top, left + side, top + side)
        image = Image.new("RGB", (_SIZE, _SIZE), tuple(chance.randint(0, 110) for _ in range(3)))
        mask = Image.new("L", (_SIZE, _SIZE))
        for drawn, colour in ((image, tuple(chance.randint(120, 255) for _ in range(3))), (mask, kind + 1)):
            pen = ImageDraw.Draw(drawn)
            if kind == 0:
                pen.ellipse(box, fill=colour)
            elif kind == 1:
                pen.rectangle(box, fill=colour)
            else:
                pen.polygon([(left, top + side), (left + side, top + side), (left + side // 2, top)], fill=colour)
        rough = np.asarray(image, float) + noise.normal(scale=12, size=(_SIZE, _SIZE, 3))
        made.append(Scene(rough.clip(0, 255).astype(np.uint8), kind, box, np.asarray(mask)))
    return made


def object_detection(base: Path) -> Told:
    """Where which shape is."""
    train, test = scenes(240, 0), scenes(60, 1)
    trial = Trial(base, "object-detection")
    for channel, some in (("train", train), ("validation", test[:12])):
        for number, scene in enumerate(some):
            left, top, right, bottom = scene.box
            box = {"class_id": scene.kind, "left": left, "top": top, "width": right - left, "height": bottom - top}
            size = {"width": _SIZE, "height": _SIZE, "depth": 3}
            told = {"file": f"{number}.png", "image_size": [size], "annotations": [box]}
            trial.write(channel, "image/png", png(scene.image), f"{number}.png")
            trial.write(f"{channel}_annotation", "image/png", json.dumps(told), f"{number}.json")
    trial.train(
        {"base_network": "resnet-18", "num_classes": 3, "num_training_samples": len(train), "image_shape": _SIZE}
        | {"epochs": 12, "optimizer": "adam", "learning_rate": 0.001, "lr_scheduler_step": "9", "mini_batch_size": 16}
    )
    ours = []
    for scene in test:
        found = json.loads(trial.ask(png(scene.image), "image/png", JSON))["prediction"]
        ours.append([(int(kind), score, *(edge * _SIZE for edge in box)) for kind, score, *box in found])
    return Told(
        "300 shapes on a noisy ground, 64 by 64 pixels",
        "mean average precision at an overlap of 0.5",
        mean_average_precision(ours, test),
        mean_average_precision(_windows(train, test), test),
        f"windows classified by RandomForestClassifier of {library('scikit-learn')}",
        "SSD on ResNet-18, 12 epochs, Adam, learning rate 0.001",
    )


def _windows(train: Sequence[Scene], test: Sequence[Scene]) -> list[list[tuple[float, ...]]]:
    """Detection without a network: every window of three sizes is said to hold a shape or none, the best is kept."""
    from sklearn.ensemble import RandomForestClassifier

    chance = random.Random(0)
    rows, labels = [], []
    for scene in train:
        rows.append(_window(scene, scene.box))
        labels.append(scene.kind + 1)
        for _ in range(8):
            box = chance.choice(_places())
            if overlap(box, scene.box) < 0.4:
                rows.append(_window(scene, box))
                labels.append(0)
            elif overlap(box, scene.box) > 0.7:
                rows.append(_window(scene, box))
                labels.append(scene.kind + 1)
    forest = RandomForestClassifier(200, random_state=0).fit(rows, labels)
    found = []
    for scene in test:
        scores = forest.predict_proba([_window(scene, box) for box in _places()])[:, 1:]
        best = np.unravel_index(scores.argmax(), scores.shape)
        found.append([(float(best[1]), float(scores.max()), *map(float, _places()[best[0]]))])
    return found


def _places() -> list[tuple[int, int, int, int]]:
    return [
        (left, top, left + side, top + side)
        for side in (18, 24, 30)
        for left in range(0, _SIZE - side, 4)
        for top in range(0, _SIZE - side, 4)
    ]


def _window(scene: Scene, box: tuple[int, int, int, int]) -> Any:
    cut = Image.fromarray(scene.image).convert("L").resize((_WINDOW, _WINDOW), box=box)
    pixels = np.asarray(cut, float).ravel()
    return (pixels - pixels.mean()) / (pixels.std() + 8)


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """The share of two boxes' union that they have in common."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def mean_average_precision(found: Sequence[Sequence[tuple[float, ...]]], test: Sequence[Scene]) -> float:
    """Of boxes (kind, score, edges) for each picture with its one shape; the area under precision by recall."""
    areas = []
    for kind in range(3):
        told = sorted((-box[1], number, box[2:]) for number, some in enumerate(found) for box in some if box[0] == kind)
        there, seen, right, area = sum(scene.kind == kind for scene in test), set(), 0, 0.0
        for rank, (_, number, edges) in enumerate(told, 1):
            scene = test[number]
            if scene.kind == kind and number not in seen and overlap(edges, scene.box) >= 0.5:
                seen.add(number)
                right += 1
                area += right / rank
        areas.append(area / there)
    return float(np.mean(areas))


def semantic_segmentation(base: Path) -> Told:
    """Which pixels are of which shape."""
    train, test = scenes(180, 0), scenes(45, 1)
    trial = Trial(base, "semantic-segmentation")
    for channel, some in (("train", train), ("validation", test[:9])):
        for number, scene in enumerate(some):
            trial.write(channel, "application/x-image", png(scene.image), f"{number}.png")
            trial.write(f"{channel}_annotation", "application/x-image", png(scene.mask), f"{number}.png")
    trial.train(
        {"backbone": "resnet-18", "num_classes": 4, "num_training_samples": len(train), "base_size": _SIZE}
        | {"crop_size": _SIZE, "epochs": 10, "optimizer": "adam", "learning_rate": 0.001, "mini_batch_size": 10}
    )
    ours = [np.asarray(Image.open(io.BytesIO(trial.ask(png(scene.image), "image/png", "image/png")))) for scene in test]
    masks = np.stack([scene.mask for scene in test])
    return Told(
        "225 shapes on a noisy ground, 64 by 64 pixels",
        "mean intersection over union",
        mean_intersection(np.stack(ours), masks),
        mean_intersection(_pixels(train, test), masks),
        f"RandomForestClassifier of {library('scikit-learn')} on each pixel's surroundings",
        "FCN on ResNet-18, 10 epochs, Adam, learning rate 0.001",
    )


def _pixels(train: Sequence[Scene], test: Sequence[Scene]) -> Any:
    """Segmentation without a network: each pixel by those around it, at three distances."""
    from sklearn.ensemble import RandomForestClassifier

    random = np.random.default_rng(0)
    rows = np.concatenate([_surroundings(scene.image) for scene in train])
    labels = np.concatenate([scene.mask.ravel() for scene in train])
    some = random.permutation(len(rows))[:60_000]
    forest = RandomForestClassifier(60, min_samples_leaf=3, random_state=0, n_jobs=-1).fit(rows[some], labels[some])
    return np.stack([forest.predict(_surroundings(scene.image)).reshape(_SIZE, _SIZE) for scene in test])


def _surroundings(image: Any) -> Any:
    grey = image.astype(float).mean(axis=2)
    wide = np.pad(grey, 16, mode="edge")
    steps = [(across, down) for size in (2, 6, 12) for across in (-size, 0, size) for down in (-size, 0, size)]
    told = [wide[16 + down : 16 + down + _SIZE, 16 + across : 16 + across + _SIZE] - grey for across, down in steps]
    return np.stack([grey, *told], axis=2).reshape(_SIZE * _SIZE, -1)


def mean_intersection(found: Any, masks: Any) -> float:
    """Over the ground and the three kinds."""
    shares = []
    for kind in range(4):
        one, other = found == kind, masks == kind
        shares.append(np.sum(one & other) / max(1, np.sum(one | other)))
    return float(np.mean(shares))
