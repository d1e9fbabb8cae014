"""What is wrong with the user's data: every algorithm, every defect, and a failure that says where and what to do.

All cases of an environment run in one process of its Python, one after the other, as `train` runs them.
"""

from __future__ import annotations

import json
import runpy
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sagewright_container import recordio
from sagewright_container.algorithms import catalog
from sagewright_container.algorithms.vision import image_records
from sagewright_container.algorithms.vision.image_records import ImageRecord

CSV, LIBSVM, RECORDIO = "text/csv", "text/libsvm", "application/x-recordio-protobuf"
UNLABELLED = "text/csv;label_size=0"
JSON_LINES = "application/jsonlines"
IMAGES = "application/x-image"
IMAGE_RECORDS = "application/x-recordio"

png = runpy.run_path(str(Path(__file__).parents[1] / "shapes.py"))["png"]

_RUN = """
import json, os, sys
from sagewright_container.algorithms import run

answers = []
for algorithm, base in json.loads(sys.argv[1]):
    os.environ["SAGEMAKER_BASE_DIR"] = base
    code = run.train(algorithm)
    path = base + "/output/failure"
    answers.append([code, open(path).read() if os.path.exists(path) else ""])
print(json.dumps(answers))
"""


class Case(NamedTuple):
    """`channels`: name → content type and files. `words` must be in the failure."""

    algorithm: str
    hyperparameters: Mapping[str, object]
    channels: Mapping[str, tuple[str, Mapping[str, bytes]]]
    words: Sequence[str]


def record(features: Sequence[float], label: Sequence[float] | None) -> bytes:
    """A framed record of dense float32 features."""

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def entry(number: int, values: Sequence[float]) -> bytes:
        tensor = field(1, struct.pack(f"<{len(values)}f", *values))
        return field(number, field(1, b"values") + field(2, field(2, tensor)))

    return recordio.frame(entry(1, features) + (b"" if label is None else entry(2, label)))


# What is wrong → a file of lines or records whose second one is wrong, and words that must be said of it.
ROWS: Mapping[str, tuple[str, bytes, Sequence[str]]] = {
    "empty": (CSV, b"", ["Channel train holds no data", "part is empty", "Put rows"]),
    "ragged": (CSV, b"1,2,3\n0,2\n", ["part in channel train", "Line 2", "All lines need as many"]),
    "a word": (CSV, b"1,2,3\n\n0,red,3\n", ["part in channel train", "Line 3", "'0,red,3'", "Write numbers"]),
    "a header": (CSV, b"y,a,b\n1,2,3\n", ["part in channel train", "Line 1", "no header"]),
    "too large": (CSV, b"1,2,3\n0,1e60,3\n", ["part in channel train", "Line 2", "too large", "Write one"]),
    "CSV said to be records": (RECORDIO, b"1,2,3\n", ["part in channel train", "Record 1", "must be text/csv"]),
    "records of two lengths": (
        RECORDIO,
        record([1, 2], [1]) + record([1], [0]),
        ["part in channel train", "Record 2", "All need as many"],
    ),
    "records cut short": (RECORDIO, record([1, 2], [1]) + record([1, 2], [0])[:-9], ["channel train", "Record 2"]),
    "no number in a record": (
        RECORDIO,
        record([1, 2], [1]) + record([1, float("inf")], [0]),
        ["part in channel train", "Record 2", "feature 2", "Write one"],
    ),
    "a content type": ("image/png", b"1,2,3\n", ["Channel train", "image/png", "ContentType", "text/csv"]),
}
HOLES = {"a hole": (CSV, b"1,2,3\n0,,3\n", ["part in channel train", "Line 2", "feature 1", "missing", "Write one"])}
LABELS: Mapping[str, tuple[str, bytes, Sequence[str]]] = {
    "no label": (CSV, b"1,2,3\n,2,3\n", ["part in channel train", "Line 2", "no label", "Give it one"]),
    "no label in a record": (RECORDIO, record([1, 2], [1]) + record([1, 2], None), ["no label", "give each"]),
}
CLASSES: Mapping[str, tuple[str, bytes, Sequence[str]]] = {
    "a wrong label": (CSV, b"1,2,3\n7,2,3\n", ["part in channel train", "Line 2", "label 7", "Change it"]),
    "a single class": (CSV, b"1,2,3\n1,3,4\n", ["Channel train", "same label", "Give rows"]),
}
BINARY = {"predictor_type": "binary_classifier"}
WIDE = {"feature_dim": 2}
FACTORS = {**WIDE, **BINARY, "num_factors": 2}
KNN = {**WIDE, "k": 2, "sample_size": 10, "predictor_type": "classifier"}


def of_rows() -> Iterator[tuple[str, Case]]:
    """The algorithms for rows of numbers: labelled ones, and those that need no labels."""
    trees = {"num_round": 1, "objective": "binary:logistic"}
    for algorithm, values, defects in (
        ("xgboost", trees, {**ROWS, **LABELS, **CLASSES}),
        ("linear-learner", BINARY, {**ROWS, **HOLES, **LABELS, **CLASSES}),
        ("knn", KNN, {**ROWS, **HOLES, **LABELS}),
        ("factorization-machines", FACTORS, {**_records_of(ROWS), **_records_of(LABELS)}),
        ("kmeans", {**WIDE, "k": 2}, {**ROWS, **HOLES}),
        ("pca", {**WIDE, "num_components": 1}, {**ROWS, **HOLES}),
        ("randomcutforest", WIDE, {**ROWS, **HOLES}),
        ("lda", {**WIDE, "num_topics": 2}, {**ROWS, **HOLES}),
        ("ntm", {**WIDE, "num_topics": 2}, {**ROWS, **HOLES}),
    ):
        for defect, (kind, data, words) in defects.items():
            yield defect, Case(algorithm, values, {"train": (kind, {"part": data})}, words)
    yield from _of_rows_only()


def _records_of(defects: Mapping[str, tuple[str, bytes, Sequence[str]]]) -> dict[str, Any]:
    """Those of records, for who takes nothing else."""
    found = {name: told for name, told in defects.items() if told[0] == RECORDIO}
    if "empty" in defects:
        found["empty"] = (RECORDIO, *defects["empty"][1:])
        found["a content type"] = (CSV, b"1,2,3\n", ["Channel train", CSV, "ContentType", RECORDIO])
    return found


def _of_rows_only() -> Iterator[tuple[str, Case]]:
    def of(algorithm: str, values: Mapping[str, object], data: bytes, *words: str, kind: str = CSV) -> Case:
        return Case(algorithm, values, {"train": (kind, {"part": data})}, words)

    three = b"1,2,3\n0,3,4\n1,4,5\n"
    yield "k above n", of("kmeans", {**WIDE, "k": 5}, three, "k is 5", "channel train has 3 rows", "Lower it")
    yield "k above n", of("knn", {**KNN, "k": 5}, three, "k is 5", "channel train has 3 rows", "Lower it")
    few = {"feature_dim": 2, "num_components": 2}
    yield "more components than rows", of("pca", few, b"1,2,3\n", "num_components is 2", "1 rows", "Lower it")
    negative = ("part in channel train", "Line 2", "negative", "Counts begin at 0")
    yield "a negative count", of("lda", {**WIDE, "num_topics": 2}, b"1,2,3\n1,-1,3\n", *negative)
    yield "a negative count", of("ntm", {**WIDE, "num_topics": 2}, b"1,2,3\n1,-1,3\n", *negative)
    wide = ("part in channel train", "Line 1", "3 features, and 2 are expected", "feature_dim")
    for algorithm, values in (("kmeans", {**WIDE, "k": 2}), ("randomcutforest", WIDE), ("knn", KNN)):
        yield "too wide", of(algorithm, values, b"1,2,3,4\n0,3,4,5\n", *wide)
    labels = [record([1, 2], [1]), record([1, 2], [3])]
    wrong = ("part in channel train", "Record 2", "label 3", "Change it")
    yield "a wrong label", of("factorization-machines", FACTORS, b"".join(labels), *wrong, kind=RECORDIO)
    alike = ("Channel train", "same label", "Give rows")
    yield "a single class", of("factorization-machines", FACTORS, labels[0] * 2, *alike, kind=RECORDIO)
    trees = {"num_round": 1}
    several = {**trees, "objective": "multi:softmax", "num_class": 3}
    yield "a wrong class", of("xgboost", several, b"0,1\n3,2\n", "Line 2", "label 3", "num_class")
    broken = ("part in channel train", "Line 2", "not libsvm", "column:value")
    yield "broken libsvm", of("xgboost", trees, b"1 0:1\n0 0:1 x:2\n", *broken, kind=LIBSVM)
    yield "a libsvm column", of("xgboost", trees, b"1 0:1\n0 99999999999:1\n", *broken[:2], kind=LIBSVM)
    yield "a missing file", Case("kmeans", {**WIDE, "k": 2}, {"train": (CSV, {})}, ["no file in it", "Put rows"])
    other = {"train": (UNLABELLED, {"part": b"1,2\n3,4\n"}), "test": (CSV, {"anomalies": b"0,1,2\n\n5,1,2\n"})}
    said = ["anomalies in channel test", "Line 3", "label 5", "1 for an anomaly"]
    yield "a wrong label of an anomaly", Case("randomcutforest", WIDE, other, said)


def of_tables() -> Iterator[tuple[str, Case]]:
    """Rows of numbers and categories."""
    names = ("lightgbm-{}-model", "catboost-{}-model", "pytorch-tabtransformer{}-model", "autogluon-{}-ensemble")
    for form in names:
        for kind in ("classification", "regression"):
            name = form.format(kind)
            for defect, data, words in (
                ("empty", b"", ["Channel train holds no data", "part is empty", "Put rows"]),
                ("ragged", b"1,2,3\n0,2\n", ["part in channel train", "Line 2"]),
                ("a word", b"1,2,3\n\n0,red,3\n", ["Line 3", "'red'", "categorical_index.json"]),
                ("a header", b"y,a\n1,2\n", ["part in channel train", "Line 1", "no header"]),
                ("no label", b"1,2,3\n\n,2,3\n", ["part in channel train", "Line 3", "no label", "Write one"]),
                ("too large", b"1,2,3\n0,1e999,3\n", ["part in channel train", "Line 2", "column 1", "Write one"]),
                ("one row", b"1,2,3\n", ["a single row"]),
            ):
                yield defect, Case(name, {}, {"train": (CSV, {"part": data})}, words)
            if kind == "classification":
                single = {"train": (CSV, {"part": b"1,2\n" * 9})}
                yield "a single class", Case(name, {}, single, ["the label 1", "nothing to tell apart"])
                halves = {"train": (CSV, {"part": b"1,2\n0.5,3\n" * 9})}
                yield "a wrong label", Case(name, {}, halves, ["0.5", "regression"])
            said = ["Channel train", "application/json", "ContentType", "text/csv"]
            yield "a content type", Case(name, {}, {"train": ("application/json", {"part": b"1"})}, said)


def of_words() -> Iterator[tuple[str, Case]]:
    """Texts, pairs, sequences and series."""

    def of(algorithm: str, values: Mapping[str, object], kind: str, data: bytes, *words: str) -> Case:
        return Case(algorithm, values, {"train": (kind, {"part": data})}, words)

    texts = {"mode": "supervised"}
    yield "empty", of("blazingtext", texts, "text/plain", b"\n", "holds no data", "part is empty")
    bare = ("part in channel train", "Line 2", "begin it with __label__")
    yield "no label", of("blazingtext", texts, "text/plain", b"__label__a b\nc d\n", *bare)
    yield "no UTF-8", of("blazingtext", texts, "text/plain", b"__label__a b\n\xff\n", "part in", "Line 2", "UTF-8")
    yield "no JSON", of("blazingtext", texts, JSON_LINES, b'{"source": 1}\n', "part in", "Line 1", '"label"')
    yield "a single class", of("blazingtext", texts, "text/plain", b"__label__a b\n" * 9, "Channel train", "two at")
    yield "a content type", of("blazingtext", texts, "image/png", b"", "image/png", "ContentType", "text/plain")
    pairs = {"num_entity_vectors": 10, "vector_dim": 4}
    yield "empty", of("ipinsights", pairs, CSV, b"", "holds no data", "part is empty")
    yield "ragged", of("ipinsights", pairs, CSV, b"a,1.2.3.4\n\nb\n", "part in channel train", "Line 3", "Write two")
    yield "no address", of("ipinsights", pairs, CSV, b"a,1.2.3.4\nb,1.2.3\n", "Line 2", "'1.2.3'", "with dots")
    yield "a header", of("ipinsights", pairs, CSV, b"who,where\na,1.2.3.4\n", "Line 1", "no header")
    yield "a hole", of("ipinsights", pairs, CSV, b"a,1.2.3.4\n,1.2.3.4\n", "Line 2", "Write two")
    yield "a content type", of("ipinsights", pairs, RECORDIO, b"", "ContentType", "text/csv")
    two = {"enc0_max_seq_len": 4, "enc0_vocab_size": 9}
    good = b'{"label": 1, "in0": [1], "in1": [2]}\n'
    yield "empty", of("object2vec", two, JSON_LINES, b"", "holds no data", "part is empty")
    for defect, line, words in (
        ("no JSON", b"red\n", ["not JSON"]),
        ("a token", b'{"label": 1, "in0": [9], "in1": [2]}', ["9", "0 to 8"]),
        ("a wrong label", b'{"label": 5, "in0": [1], "in1": [2]}', ["label is 5", "num_classes"]),
        ("no label", b'{"in0": [1], "in1": [2]}', ["no label"]),
        ("no tokens", b'{"label": 1, "in0": [], "in1": [2]}', ["in0"]),
    ):
        yield defect, of("object2vec", two, JSON_LINES, good + line, "part, line 2 in channel train", *words)
    yield "a single class", of("object2vec", two, JSON_LINES, good * 9, "same label", "Give pairs")
    yield "a content type", of("object2vec", two, CSV, good, "ContentType", JSON_LINES)
    months = {"time_freq": "M", "context_length": 2, "prediction_length": 2, "epochs": 1}
    series = b'{"start": "2024-01-01", "target": [1, 2, 3, 4, 5, 6]}\n'
    yield "empty", of("forecasting-deepar", months, "json", b"", "holds no data", "part is empty")
    for defect, line, words in (
        ("no JSON", b"red\n", ["not JSON"]),
        ("a word", b'{"start": "2024-01-01", "target": ["red"]}', ["target", "no number"]),
        ("no start", b'{"target": [1, 2]}', ["start"]),
        ("a wrong start", b'{"start": "spring", "target": [1, 2]}', ["'spring'", "YYYY-MM-DD"]),
        ("too large", b'{"start": "2024-01-01", "target": [1e99]}', ["not finite"]),
    ):
        yield defect, of("forecasting-deepar", months, "json", series + line, "part, line 2 in channel", *words)
    yield "too short", of("forecasting-deepar", {**months, "prediction_length": 9}, "json", series, "longer", "lower")
    yield "a content type", of("forecasting-deepar", months, CSV, series, "ContentType", "json")
    yield from _of_sentences()


def _of_sentences() -> Iterator[tuple[str, Case]]:
    words = {word: number for number, word in enumerate(["<pad>", "<unk>", "<s>", "</s>", "a"])}
    vocabulary = json.dumps(words).encode()
    vocab = ("application/json", {"vocab.src.json": vocabulary, "vocab.trg.json": vocabulary})
    good = recordio.write_integers([{"source": [4], "target": [4]}])
    for defect, data, said in (
        ("empty", b"", ["holds no data", "part is empty"]),
        ("no records", b"red,green", ["part in channel train", "byte 0"]),
        ("a word beyond", good + recordio.write_integers([{"source": [5], "target": [4]}]), ["Record 2", "5 words"]),
        ("no target", good + recordio.write_integers([{"source": [4]}]), ["Record 2 of part", "no target"]),
    ):
        channels = {"train": (RECORDIO, {"part": data}), "validation": (RECORDIO, {"part": good}), "vocab": vocab}
        yield defect, Case("seq2seq", {}, channels, said)
    missing = {"train": (RECORDIO, {"part": good}), "validation": (RECORDIO, {"part": good})}
    alone = {**missing, "vocab": ("application/json", {"vocab.src.json": vocabulary})}
    yield "a missing vocabulary", Case("seq2seq", {}, alone, ["Channel vocab", "vocab.trg.json"])
    yield "a missing channel", Case("seq2seq", {}, missing, ["Channel vocab is required"])
    wrong = {**missing, "train": (CSV, {"part": good}), "vocab": vocab}
    yield "a content type", Case("seq2seq", {}, wrong, ["ContentType", RECORDIO])


def of_images(shapes: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, Case]]:
    """Images and what they are labelled by. The last is broken, so that what is before it must be passed over."""
    image, mask = shapes["train"][0].image, shapes["train"][0].mask
    small = {"num_training_samples": 2, "epochs": 1, "mini_batch_size": 2}
    classes = {**small, "num_classes": 2, "image_shape": "3,32,32", "num_layers": 20}
    boxes = {**small, "num_classes": 2, "base_network": "resnet-18", "image_shape": 64}
    masks = {**small, "num_classes": 4, "backbone": "resnet-18", "base_size": 32, "crop_size": 32}
    lines = b"1\t0\ta.png\n2\t1\tb.png\n"
    both = {"a.png": image, "b.png": image}
    yield from _of_lists(classes, image, lines, both)

    def annotated(told: bytes, name: str = "b.json") -> dict[str, bytes]:
        return {"a.json": _annotation("a.png", 0), name: told}

    outside = _annotation("b.png", 1).replace(b'"left": 1', b'"left": 99')
    for defect, images, told, words in (
        ("empty", {"a.png": image}, {}, ["Channel train_annotation", "no images"]),
        ("no JSON", both, annotated(b"red"), ["b.json in channel train_annotation", "not JSON"]),
        ("a wrong class", both, annotated(_annotation("b.png", 5)), ["b.json", "5", "num_classes"]),
        ("a missing image", {"a.png": image}, annotated(_annotation("b.png", 1)), ["b.json", "no image b.png"]),
        ("a box outside", both, annotated(outside), ["b.json"]),
        (
            "a broken image",
            {**both, "b.png": image[:60]},
            annotated(_annotation("b.png", 1)),
            ["b.json", "no JPEG or PNG"],
        ),
    ):
        channels = {"train": (IMAGES, images), "train_annotation": (IMAGES, told)}
        yield defect, Case("object-detection", boxes, channels, words)
    for defect, images, told, words in (
        ("empty", {}, {"a.png": mask}, ["Channel train", "no images"]),
        ("a missing mask", both, {"a.png": mask}, ["b.png in channel train", "no mask"]),
        ("a broken mask", both, {"a.png": mask, "b.png": mask[:50]}, ["b.png", "no PNG image"]),
        ("a mask of colours", both, {"a.png": mask, "b.png": image}, ["b.png", "one channel"]),
        ("a broken image", {**both, "b.png": image[:60]}, {"a.png": mask, "b.png": mask}, ["b.png", "no JPEG or PNG"]),
    ):
        channels = {"train": (IMAGES, images), "train_annotation": (IMAGES, told)}
        yield defect, Case("semantic-segmentation", masks, channels, words)
    alike = {"train": (IMAGES, {"a.png": image}), "train_annotation": (IMAGES, {"a.png": png([bytes(32)] * 32, 1)})}
    yield "a single class", Case("semantic-segmentation", masks, alike, ["channel train", "class 0", "Give masks"])
    odd = {"train": (IMAGES, both), "train_annotation": (IMAGES, {"a.png": mask, "b.png": png([bytes(9)] * 9, 1)})}
    sizes = ["b.png in channel train", "9 x 9", "32 x 32", "make them alike"]
    yield "a mask of another size", Case("semantic-segmentation", masks, odd, sizes)
    few = {**masks, "num_classes": 2}
    third = shapes["train"][2]
    wrong = {"train": (IMAGES, both), "train_annotation": (IMAGES, {"a.png": mask, "b.png": third.mask})}
    yield "a wrong class", Case("semantic-segmentation", few, wrong, ["b.png", "3", "num_classes"])
    for algorithm, values in (("object-detection", boxes), ("semantic-segmentation", masks)):
        text = {"train": (CSV, both), "train_annotation": (IMAGES, {})}
        yield "a content type", Case(algorithm, values, text, ["ContentType", IMAGES])
    broken = image_records.write([ImageRecord((0.0, 2.0, 5.0, 1.0, 0.1, 0.1, 0.5, 0.5), image, 0)])
    records = {"train": (IMAGE_RECORDS, {"part.rec": broken})}
    model = ("application/x-sagemaker-model", {"model.tar.gz": b"red"})
    for algorithm, values in (("object-detection", boxes), ("semantic-segmentation", masks)):
        second = {"object-detection": _annotation("a.png", 0), "semantic-segmentation": mask}[algorithm]
        wrong = b"".join(map(image_records.frame, (image, second, image, b"red")))
        pairs = {"train": (IMAGE_RECORDS, {"part.rec": wrong})}
        yield (
            "a broken annotation of a manifest",
            Case(algorithm, values, pairs, ["Record 2 of part.rec in channel train"]),
        )
        good = b"".join(map(image_records.frame, (image, second)))
        onwards = {"train": (IMAGE_RECORDS, {"part.rec": good}), "model": model}
        said = ["model.tar.gz in channel model", "Give it as"]
        yield "a broken model", Case(algorithm, values, onwards, said)
    yield "a broken record", Case("object-detection", boxes, records, ["Record 1 of part.rec"])


def _annotation(file: str, kind: int) -> bytes:
    box = {"class_id": kind, "left": 1, "top": 1, "width": 9, "height": 9}
    size = {"width": 32, "height": 32, "depth": 3}
    return json.dumps({"file": file, "image_size": [size], "annotations": [box]}).encode()


def _of_lists(
    values: Mapping[str, object], image: bytes, lines: bytes, both: Mapping[str, bytes]
) -> Iterator[tuple[str, Case]]:
    for defect, images, told, words in (
        ("empty", {"a.png": image}, b"", ["Channel train_lst", "no images"]),
        ("ragged", both, lines + b"red\n", ["Line 3 of train.lst in channel train_lst", "tabs"]),
        ("a wrong class", both, b"1\t0\ta.png\n2\t5\tb.png\n", ["Line 2 of train.lst", "class is 5", "num_classes"]),
        ("a missing image", {"a.png": image}, lines, ["Line 2 of train.lst", "no image b.png"]),
        ("a broken image", {**both, "b.png": image[:60]}, lines, ["Line 2 of train.lst", "no JPEG or PNG"]),
        ("a single class", both, b"1\t1\ta.png\n2\t1\tb.png\n", ["channel train", "same label, 1", "Give images"]),
        (
            "an image too large",
            {**both, "b.png": _wide(image)},
            lines,
            ["Line 2 of train.lst", "9000 x 9000", "shrink it"],
        ),
        ("an empty image", {**both, "b.png": b""}, lines, ["Line 2 of train.lst", "no JPEG or PNG"]),
    ):
        channels = {"train": (IMAGES, images), "train_lst": (IMAGES, {"train.lst": told})}
        yield defect, Case("image-classification", values, channels, words)
    alone = {"train": (IMAGES, both)}
    yield "a missing channel", Case("image-classification", values, alone, ["train_lst", "not given"])
    text = {"train": (CSV, both)}
    yield "a content type", Case("image-classification", values, text, ["ContentType", IMAGES])
    records = image_records.write([ImageRecord((0.0,), image, 0), ImageRecord((7.0,), image, 1)])
    wrong = {"train": (IMAGE_RECORDS, {"part.rec": records})}
    yield "a wrong label", Case("image-classification", values, wrong, ["Record 2 of part.rec", "7", "num_classes"])
    pairs = b"".join(map(image_records.frame, (image, b"0", image, b"red")))
    manifest = {"train": (IMAGE_RECORDS, {"part.rec": pairs})}
    told = ["Record 2 of part.rec in channel train", "no number", "'red'"]
    yield "a broken annotation of a manifest", Case("image-classification", values, manifest, told)
    model = {"train": (IMAGES, both), "train_lst": (IMAGES, {"train.lst": lines})}
    for defect, files, said in (
        ("a missing model", {}, ["Channel model", "model.json is missing", "Give model.tar.gz"]),
        ("a broken model", {"model.tar.gz": b"red"}, ["model.tar.gz in channel model", "Give it as"]),
        ("broken weights", {"model.json": _about(values), "model.safetensors": b"red"}, ["Channel model", "damaged"]),
        ("another model", {"model.json": b'{"num_layers": 32}'}, ["num_layers is 20", "was 32", "channel model"]),
    ):
        channels = {**model, "model": ("application/x-sagemaker-model", files)}
        yield defect, Case("image-classification", values, channels, said)
    short = {"train": (IMAGE_RECORDS, {"part.rec": records[:-9]})}
    yield "cut short", Case("image-classification", values, short, ["part.rec in channel train", "cut short"])


def _wide(image: bytes) -> bytes:
    """A PNG image whose header says that it has 9000 x 9000 pixels."""
    header = b"IHDR" + struct.pack(">II", 9000, 9000) + image[24:29]
    return image[:12] + header + struct.pack(">I", zlib.crc32(header)) + image[33:]


def _about(values: Mapping[str, object]) -> bytes:
    """What a model of these hyperparameters says of itself."""
    told = {name: values[name] for name in ("num_layers", "num_classes")}
    return json.dumps({**told, "image_shape": [3, 32, 32]}).encode()


def _all(shapes: Mapping[str, Sequence[Any]]) -> dict[str, Case]:
    found: dict[str, Case] = {}
    for cases in (of_rows(), of_tables(), of_words(), of_images(shapes)):
        for defect, case in cases:
            found[f"{case.algorithm}, {defect}"] = case
    unknown = {"red": "1"}
    for name in catalog.CATALOG:
        found[f"{name}, an unknown hyperparameter"] = Case(name, unknown, {}, ["Hyperparameter red is not known"])
    return found


@pytest.fixture(scope="module")
def failures(
    container: Callable[..., Any], shapes: Mapping[str, Sequence[Any]], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, tuple[Case, int, str]]:
    """Of each case its exit code and its failure."""
    by_environment: dict[str, list[tuple[str, Case]]] = {}
    for name, case in _all(shapes).items():
        by_environment.setdefault(catalog.load(case.algorithm).environment, []).append((name, case))
    found: dict[str, tuple[Case, int, str]] = {}
    for environment, cases in by_environment.items():
        folder = tmp_path_factory.mktemp(environment)
        told = [(case.algorithm, _written(folder / str(number), case)) for number, (_, case) in enumerate(cases)]
        done = container("scikit-learn", environment).run("-c", _RUN, json.dumps(told), OMP_NUM_THREADS="1")
        assert done.returncode == 0, done.stderr
        answers = json.loads(done.stdout.splitlines()[-1])
        for (name, case), (code, failure) in zip(cases, answers, strict=True):
            found[name] = (case, code, failure)
    return found


def _written(base: Path, case: Case) -> str:
    config = base / "input/config"
    config.mkdir(parents=True)
    (base / "output").mkdir()
    said = {name: str(value) for name, value in case.hyperparameters.items()}
    (config / "hyperparameters.json").write_text(json.dumps(said))
    kinds = {name: {"TrainingInputMode": "File", "ContentType": kind} for name, (kind, _) in case.channels.items()}
    (config / "inputdataconfig.json").write_text(json.dumps(kinds))
    for name, (_, files) in case.channels.items():
        folder = base / "input/data" / name
        folder.mkdir(parents=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)
    return str(base)


def test_every_defect_is_said_where_it_is(failures: Mapping[str, tuple[Case, int, str]]) -> None:
    wrong = {
        name: failure or f"exit code {code}"
        for name, (case, code, failure) in failures.items()
        if code != 1 or not failure.startswith("ClientError: ") or not all(word in failure for word in case.words)
    }
    assert not wrong, json.dumps(wrong, indent=1)


def test_no_algorithm_is_left_out(failures: Mapping[str, tuple[Case, int, str]]) -> None:
    seen: dict[str, int] = {}
    for case, _, _ in failures.values():
        seen[case.algorithm] = seen.get(case.algorithm, 0) + 1
    assert {name for name in catalog.CATALOG if seen.get(name, 0) < 5} == set()
