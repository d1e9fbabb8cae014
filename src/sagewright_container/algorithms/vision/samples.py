"""The samples of image channels: encoded images with their labels, in each of the forms that SageMaker takes.

The forms are those of AWS's developer guide ("Input/Output Interface" of each algorithm): `.rec` files, images beside
`.lst` files, JSON annotations or masks, and the records of an augmented manifest in Pipe mode.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sagewright_container.algorithms.base import Input, Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.vision import image_records
from sagewright_container.recordio import FormatError

T = TypeVar("T")

RECORDIO, IMAGE, MODEL = "recordio", "image", "model"
CONTENT_TYPES = {
    "application/x-recordio": RECORDIO,
    "application/x-image": IMAGE,
    "image/jpeg": IMAGE,
    "image/png": IMAGE,
}
MODEL_TYPES = {"application/x-sagemaker-model": MODEL}
PIPE = frozenset({RECORDIO, IMAGE})
IMAGES = (".jpg", ".jpeg", ".png")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


@dataclass(frozen=True)
class Sample:
    """One image: in memory (`data`) or in a file (`path`). `name` is what errors call it."""

    name: str
    label: Any
    data: memoryview | None = None
    path: str = ""

    def image(self) -> bytes:
        """The encoded image."""
        if self.data is not None:
            return bytes(self.data)
        with open(self.path, "rb") as file:
            return file.read()


Labels = Callable[[tuple[float, ...]], Any]
"""The label that an algorithm makes of a record's numbers. Raises ClientError."""
Annotation = Callable[[bytes], Any]
"""The label that an algorithm makes of an augmented manifest's second attribute. Raises ClientError."""


def records(source: Input, labels: Labels, annotation: Annotation) -> list[Sample]:
    """What a channel of records holds: image records, or the pairs of an augmented manifest. Raises ClientError."""
    found: list[Sample] = []
    for path in source.files():
        data = _whole(path)
        place = f"{os.path.basename(path)} in channel {source.name}"
        try:
            found += _records(data, place, labels, annotation)
        except FormatError as error:
            raise ClientError(f"{place} is not a file of image records. {error}") from error
    return _some(found, source)


def _whole(path: str) -> memoryview:
    """What a file or a pipe holds: of a file no copy, so that it need not fit into memory."""
    with open(path, "rb") as file:
        try:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError):  # a pipe; a file of nothing
            return memoryview(file.read())


def _records(data: memoryview, place: str, labels: Labels, annotation: Annotation) -> Iterator[Sample]:
    frames = image_records.frames(data)
    for number, payload in enumerate(frames, 1):
        name = f"Record {number} of {place}"
        if bytes(payload[:8]).startswith(_SIGNATURES):
            told = next(frames, None)
            if told is None:
                raise ClientError(f"{name} is an image without an annotation: AttributeNames names the image first.")
            yield Sample(name, _named(name, annotation, bytes(told)), payload)
        else:
            record = image_records.record(payload)
            yield Sample(name, _named(name, labels, record.labels), memoryview(record.image))


def listed(job: Job, channel: str, labels: Labels) -> list[Sample]:
    """A channel's images that the `.lst` file in the channel `<channel>_lst` lists. Raises ClientError."""
    images = job.inputs[channel]
    lists = _beside(job, f"{channel}_lst", channel)
    found = [
        Sample(name, _named(name, labels, told), path=_inside(images, relative, name))
        for path in lists.files()
        for name, told, relative in _lines(path, lists.name)
    ]
    return _some(found, lists)


def _lines(path: str, channel: str) -> Iterator[tuple[str, tuple[float, ...], str]]:
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            name = f"Line {number} of {os.path.basename(path)} in channel {channel}"
            fields = line.rstrip("\r\n").split("\t")
            try:
                _, *labels, relative = fields
                if not labels:
                    raise ValueError(line)
                yield name, tuple(map(float, labels)), relative.strip()
            except ValueError as error:
                raise ClientError(
                    f"{name} is not of the form index, class, path, with tabs between them: {line.strip()[:60]!r}."
                ) from error


def annotated(job: Job, channel: str, annotation: Annotation) -> list[Sample]:
    """A channel's images, each with a JSON file in `<channel>_annotation` that names it. Raises ClientError."""
    images = job.inputs[channel]
    annotations = _beside(job, f"{channel}_annotation", channel)
    found: list[Sample] = []
    for path in annotations.files():
        if not path.endswith(".json"):
            continue
        name = f"{os.path.basename(path)} in channel {annotations.name}"
        with open(path, "rb") as file:
            data = file.read()
        relative = json_object(data, name).get("file")
        if not isinstance(relative, str):
            raise ClientError(f'{name} names no image: write its path in the channel {channel} as "file".')
        found.append(Sample(name, _named(name, annotation, data), path=_inside(images, relative, name)))
    return _some(found, annotations)


def masked(job: Job, channel: str, annotation: Annotation) -> list[Sample]:
    """A channel's images, each with a mask of its name in `<channel>_annotation`. Raises ClientError."""
    images = job.inputs[channel]
    annotations = _beside(job, f"{channel}_annotation", channel)
    masks = {_stem(path, annotations): path for path in annotations.files() if path.endswith(".png")}
    found: list[Sample] = []
    for path in images.files():
        if not path.lower().endswith(IMAGES):
            continue
        name = f"{os.path.basename(path)} in channel {channel}"
        mask = masks.get(_stem(path, images))
        if mask is None:
            raise ClientError(
                f"{name} has no mask: there is no .png of its name in channel {annotations.name}. Give it "
                "one, or leave it out."
            )
        with open(mask, "rb") as file:
            found.append(Sample(name, _named(name, annotation, file.read()), path=path))
    return _some(found, images)


def json_object(data: bytes, name: str) -> Mapping[str, Any]:
    """A JSON object. Raises ClientError."""
    try:
        value = json.loads(data)
    except ValueError as error:
        raise ClientError(f"{name} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ClientError(f"{name} is not a JSON object.")
    return value


def _named(name: str, make: Callable[[T], Any], told: T) -> Any:
    try:
        return make(told)
    except ClientError as error:
        raise ClientError(f"{name}: {error}") from error


def _beside(job: Job, name: str, channel: str) -> Input:
    if name not in job.inputs:
        raise ClientError(f"Channel {channel} holds images, and channel {name}, which labels them, was not given.")
    return job.inputs[name]


def _inside(images: Input, relative: str, name: str) -> str:
    path = os.path.normpath(os.path.join(images.path, relative))
    if not path.startswith(os.path.join(images.path, "")) or not os.path.isfile(path):
        raise ClientError(
            f"{name}: there is no image {relative} in channel {images.name}. Put it there, or take it off."
        )
    return path


def _stem(path: str, source: Input) -> str:
    return os.path.splitext(os.path.relpath(path, source.path))[0]


def _some(found: list[Sample], source: Input) -> list[Sample]:
    if not found:
        raise ClientError(f"Channel {source.name} holds no images. Put some under the S3 prefix that it names.")
    return found
