"""Images as scripts learn from them, each a process of its own: `vision.py {make|train|predict|rate} NAME FOLDER …`.

make NAME FOLDER COUNT      the channels of a training job, a folder of FOLDER/channels each, and FOLDER/asked
train NAME FOLDER           read the channels, fit, keep the model
predict NAME FOLDER         an answer in a file for each file of FOLDER/asked
rate NAME FOLDER SECONDS    one image at a time, bytes to bytes: prints images a second

A plain loop around the network that the toolkit has too: the same pictures, batches, epochs and looks at the validation
data, read in the loop's own thread.
"""

from __future__ import annotations

import io
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

BATCH: Final = 1  # image a request
_SIDE: Final = 32
_CLASSES: Final = 3
_IMAGE: Final = "application/x-image"
_SHARE: Final = 10  # of so many images one is to validate


class Case(NamedTuple):
    """An algorithm's environment, hyperparameters and channels, how it is asked, and on how much it is measured."""

    environment: str
    hyperparameters: Mapping[str, object]
    channels: Mapping[str, str]
    asked: tuple[str, str]
    """Content type, and what is accepted."""
    sizes: tuple[int, int, int] = (100, 1000, 5000)
    app: str = "vision"
    batch: int = BATCH
    what: str = "images"


_SMALL: Final = {"num_training_samples": 100, "epochs": 1, "learning_rate": 0.001, "optimizer": "adam"}
_BESIDE: Final = dict.fromkeys(("train", "train_annotation", "validation", "validation_annotation"), _IMAGE)

# Add an algorithm here, what it is labelled by in `make`, and its part of a script in `_PARTS`.
CASES: Final[Mapping[str, Case]] = {
    "image-classification": Case(
        "pytorch",
        {**_SMALL, "num_classes": _CLASSES, "image_shape": f"3,{_SIDE},{_SIDE}", "num_layers": 20}
        | {"mini_batch_size": 50},
        dict.fromkeys(("train", "validation"), "application/x-recordio"),
        (_IMAGE, "application/json"),
    ),
    "object-detection": Case(
        "pytorch",
        {**_SMALL, "num_classes": _CLASSES, "base_network": "resnet-18", "image_shape": _SIDE, "mini_batch_size": 50},
        _BESIDE,
        (_IMAGE, "application/json"),
    ),
    "semantic-segmentation": Case(
        "pytorch",
        {**_SMALL, "num_classes": _CLASSES + 1, "backbone": "resnet-18", "base_size": _SIDE, "crop_size": _SIDE}
        | {"mini_batch_size": 50, "validation_mini_batch_size": 50},
        _BESIDE,
        (_IMAGE, "image/png"),
        (100, 500, 2000),
    ),
}


def make(name: str, folder: Path, count: int) -> None:
    """Squares of three colours, anywhere; as JPEG, twice as large as the networks see them."""
    from PIL import Image, ImageDraw

    channels = {channel: folder / "channels" / channel for channel in CASES[name].channels}
    for path in (*channels.values(), folder / "asked"):
        path.mkdir(parents=True)
    chance = random.Random(0)
    records: dict[str, list[tuple[int, bytes]]] = {"train": [], "validation": []}
    for number in range(count + max(1, count // _SHARE)):
        channel = "train" if number < count else "validation"
        kind, left, top = number % _CLASSES, *(chance.randint(0, 2 * _SIDE - 26) for _ in range(2))
        image = Image.new("RGB", (2 * _SIDE, 2 * _SIDE), tuple(chance.randint(0, 80) for _ in range(3)))
        square, colour = (left, top, left + 24, top + 24), tuple(220 if each == kind else 40 for each in range(3))
        ImageDraw.Draw(image).rectangle(square, fill=colour)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        if channel == "train":
            (folder / "asked" / f"{number}.jpg").write_bytes(buffer.getvalue())
        if name == "image-classification":
            records[channel].append((kind, buffer.getvalue()))
            continue
        (channels[channel] / f"{number}.jpg").write_bytes(buffer.getvalue())
        beside = channels[f"{channel}_annotation"]
        if name == "object-detection":
            box = {"class_id": kind, "left": left, "top": top, "width": 24, "height": 24}
            size = {"width": 2 * _SIDE, "height": 2 * _SIDE, "depth": 3}
            told = {"file": f"{number}.jpg", "image_size": [size], "annotations": [box]}
            (beside / f"{number}.json").write_text(json.dumps(told))
        else:
            mask = Image.new("L", image.size)
            ImageDraw.Draw(mask).rectangle(square, fill=kind + 1)
            mask.save(beside / f"{number}.png")
    if name == "image-classification":
        _records(channels, records)


def _records(channels: Mapping[str, Path], records: Mapping[str, Sequence[tuple[int, bytes]]]) -> None:
    from sagewright_container.algorithms.vision import image_records

    for channel, some in records.items():
        written = image_records.write(image_records.ImageRecord((float(kind),), image) for kind, image in some)
        (channels[channel] / f"{channel}.rec").write_bytes(written)


class Sample(NamedTuple):
    """An image as a file, and what it is labelled by."""

    image: bytes
    label: Any


def _pixels(image: Any) -> Any:
    """As torchvision's `to_tensor` and `normalize` have it."""
    import numpy as np

    mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    return ((np.asarray(image, np.float32) / 255 - mean) / deviation).transpose(2, 0, 1)


def _opened(data: bytes) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB")


class Classes:
    """What is in an image."""

    def __init__(self) -> None:
        from sagewright_container.algorithms.vision.resnet import ResNet

        self.network = ResNet(20, _CLASSES)

    def samples(self, channels: Path, channel: str) -> Iterator[Sample]:
        """The records."""
        from sagewright_container.algorithms.vision import image_records

        for record in image_records.read((channels / channel / f"{channel}.rec").read_bytes()):
            yield Sample(record.image, int(record.labels[0]))

    def read(self, sample: Sample, _training: bool) -> tuple[Any, Any]:
        """The middle."""
        return self.picture(sample.image), sample.label

    def picture(self, data: bytes) -> Any:
        """The middle."""
        edge = _SIDE // 2
        return _pixels(_opened(data).crop((edge, edge, edge + _SIDE, edge + _SIDE)))

    def loss(self, images: Any, labels: Sequence[Any]) -> Any:
        """Of a batch."""
        import torch

        return torch.nn.functional.cross_entropy(self.network(images), torch.tensor(labels))

    def look(self, images: Any, labels: Sequence[Any]) -> Any:
        """How many are right."""
        import torch

        return (self.network(images).argmax(1) == torch.tensor(labels)).sum()

    def answer(self, data: bytes) -> bytes:
        """The probabilities."""
        import torch

        (found,) = self.network(torch.from_numpy(self.picture(data)[None]))
        return json.dumps(found.softmax(0).tolist()).encode()


class Boxes:
    """Where it is."""

    def __init__(self) -> None:
        from sagewright_container.algorithms.vision.ssd import Ssd

        self.network = Ssd("resnet-18", _SIDE, _CLASSES)

    def samples(self, channels: Path, channel: str) -> Iterator[Sample]:
        """The annotations, and the images that they name."""
        for path in (channels / f"{channel}_annotation").iterdir():
            told = json.loads(path.read_bytes())
            (size,) = told["image_size"]
            across, down = size["width"], size["height"]
            boxes = [
                (
                    *(each["class_id"], each["left"] / across, each["top"] / down),
                    *((each["left"] + each["width"]) / across, (each["top"] + each["height"]) / down),
                )
                for each in told["annotations"]
            ]
            yield Sample((channels / channel / told["file"]).read_bytes(), boxes)

    def read(self, sample: Sample, training: bool) -> tuple[Any, Any]:
        """Mirrored, as often as not."""
        image, boxes = _opened(sample.image), sample.label
        if training and random.random() < 0.5:
            image = image.transpose(0)
            boxes = [(kind, 1 - right, top, 1 - left, bottom) for kind, left, top, right, bottom in boxes]
        return _pixels(image.resize((_SIDE, _SIDE), 2)), boxes

    def loss(self, images: Any, labels: Sequence[Any]) -> Any:
        """Of classes and of places; of what is nothing, the hardest three for each thing."""
        import torch
        from torch.nn import functional

        from sagewright_container.algorithms.vision import boxes

        scores, offsets, defaults = self.network(images)
        pairs = [boxes.matched(defaults, torch.tensor(each)) for each in labels]
        classes, shifts = (torch.stack(each) for each in zip(*pairs, strict=True))
        there = classes > 0
        entropy = functional.cross_entropy(scores.flatten(0, 1), classes.flatten(), reduction="none").view_as(classes)
        order = entropy.detach().masked_fill(there, 0).argsort(1, descending=True).argsort(1)
        counted = there | (order < 3 * there.sum(1, keepdim=True))
        places = functional.smooth_l1_loss(offsets[there], shifts[there], reduction="sum")
        return (entropy[counted].sum() + places) / there.sum()

    def look(self, images: Any, labels: Sequence[Any]) -> Any:
        """The precision of a batch."""
        import torch

        from sagewright_container.algorithms.vision import boxes

        truth = [torch.tensor(each) for each in labels]
        return boxes.mean_average_precision(self._found(images), truth, 0.5)

    def _found(self, images: Any) -> list[Any]:
        from sagewright_container.algorithms.vision import boxes

        scores, offsets, defaults = self.network(images)
        places = boxes.placed(defaults, offsets)
        return [boxes.best(each, place, 0.45) for each, place in zip(scores.softmax(2), places, strict=True)]

    def answer(self, data: bytes) -> bytes:
        """The boxes."""
        import torch

        image = _pixels(_opened(data).resize((_SIDE, _SIDE), 2))
        (found,) = self._found(torch.from_numpy(image[None]))
        return json.dumps({"prediction": found.tolist()}).encode()


class Masks:
    """Which pixels are of it."""

    def __init__(self) -> None:
        from sagewright_container.algorithms.vision.segmentation_networks import Segmentation

        self.network = Segmentation("fcn", 18, _CLASSES + 1)

    def samples(self, channels: Path, channel: str) -> Iterator[Sample]:
        """Images and masks of one name."""
        for path in (channels / channel).iterdir():
            beside = channels / f"{channel}_annotation" / f"{path.stem}.png"
            yield Sample(path.read_bytes(), beside.read_bytes())

    def read(self, sample: Sample, training: bool) -> tuple[Any, Any]:
        """A window of the image, scaled and mirrored by chance; what is outside is of no class."""
        import numpy as np
        from PIL import Image

        side = round(_SIDE * random.uniform(0.5, 2)) if training else _SIDE
        image = _opened(sample.image).resize((side, side), 2)
        mask = Image.open(io.BytesIO(sample.label)).resize((side, side), 0)
        left, top = (random.randint(0, max(0, side - _SIDE)) for _ in range(2))
        window = (left, top, left + _SIDE, top + _SIDE)
        ground = Image.new("L", (_SIDE, _SIDE), 255)
        ground.paste(mask.crop((left, top, min(side, window[2]), min(side, window[3]))))
        image = image.crop(window)
        if training and random.random() < 0.5:
            image, ground = image.transpose(0), ground.transpose(0)
        return _pixels(image), np.asarray(ground, np.int64)

    def loss(self, images: Any, labels: Sequence[Any]) -> Any:
        """Of the answer, and of the third stage's map."""
        import numpy as np
        import torch

        classes = torch.from_numpy(np.stack(labels))
        answer, third = self.network.both(images)
        entropy = torch.nn.functional.cross_entropy
        return entropy(answer, classes, ignore_index=255) + 0.5 * entropy(third, classes, ignore_index=255)

    def look(self, images: Any, labels: Sequence[Any]) -> Any:
        """How many pixels are right."""
        import numpy as np
        import torch

        return (self.network(images).argmax(1) == torch.from_numpy(np.stack(labels))).sum()

    def answer(self, data: bytes) -> bytes:
        """The mask, as large as the image."""
        import numpy as np
        import torch
        from PIL import Image

        image = _opened(data)
        maps = self.network(torch.from_numpy(_pixels(image.resize((_SIDE, _SIDE), 2))[None]))
        maps = torch.nn.functional.interpolate(maps, (image.height, image.width), mode="bilinear")
        buffer = io.BytesIO()
        Image.fromarray(maps[0].argmax(0).numpy().astype(np.uint8)).save(buffer, "PNG")
        return buffer.getvalue()


_PARTS: Final[Mapping[str, Callable[[], Any]]] = {
    "image-classification": Classes,
    "object-detection": Boxes,
    "semantic-segmentation": Masks,
}


def train(name: str, folder: Path) -> None:
    """An epoch after the other, with a look at the validation data after each."""
    import torch

    values, part = CASES[name].hyperparameters, _PARTS[name]()
    samples, others = (list(part.samples(folder / "channels", each)) for each in ("train", "validation"))
    steps = torch.optim.Adam(part.network.parameters(), values["learning_rate"])
    for _ in range(int(str(values["epochs"]))):
        random.shuffle(samples)
        part.network.train()
        for images, labels in _batches(part, samples, training=True):
            loss = part.loss(images, labels)
            steps.zero_grad()
            loss.backward()
            steps.step()
        part.network.eval()
        with torch.inference_mode():
            for images, labels in _batches(part, others, training=False):
                part.look(images, labels)
        torch.save(part.network.state_dict(), folder / "plain.pt")


def _batches(part: Any, samples: Sequence[Sample], *, training: bool) -> Iterator[tuple[Any, Sequence[Any]]]:
    import numpy as np
    import torch

    for start in range(0, len(samples), 50):
        images, labels = zip(*(part.read(sample, training) for sample in samples[start : start + 50]), strict=True)
        yield torch.from_numpy(np.stack(images)), labels


def _loaded(name: str, folder: Path) -> Any:
    import torch

    part = _PARTS[name]()
    part.network.load_state_dict(torch.load(folder / "plain.pt"))
    part.network.eval()
    return part


def predict(name: str, folder: Path) -> None:
    """From file to file."""
    import torch

    part, target = _loaded(name, folder), folder / "answers"
    target.mkdir(exist_ok=True)
    with torch.inference_mode():
        for path in (folder / "asked").iterdir():
            (target / f"{path.name}.out").write_bytes(part.answer(path.read_bytes()))


def rate(name: str, folder: Path, seconds: float) -> float:
    """From bytes to bytes."""
    import torch

    part, body = _loaded(name, folder), (folder / "asked" / "0.jpg").read_bytes()
    with torch.inference_mode():
        part.answer(body)
        done, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds or done < 2:
            part.answer(body)
            done += 1
        return done / (time.perf_counter() - begun)


if __name__ == "__main__":
    what, name, *more = sys.argv[1:]
    if what == "make":
        make(name, Path(more[0]), int(more[1]))
    elif what == "train":
        train(name, Path(more[0]))
    elif what == "predict":
        predict(name, Path(more[0]))
    else:
        print(rate(name, Path(more[0]), float(more[1])))
