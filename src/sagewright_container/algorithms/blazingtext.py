"""BlazingText as a built-in algorithm, on fastText: vectors of words, and classification of texts.

Hyperparameters, channels, metrics, artifacts and answers are those of AWS's developer guide ("BlazingText
Hyperparameters", "Input/Output Interface for the BlazingText Algorithm"). `batch_skipgram` shares its negative samples
in AWS's image to be faster on many cores; here it is fastText's skip-gram, and `batch_size` has no effect.

fastText trains in one go. So early stopping trains anew with `patience` more epochs each time, beginning with
`min_epochs`, until the accuracy of `validation` gets no better.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagewright_container.algorithms import quality
from sagewright_container.algorithms.base import Channel, Job, Metric, Model
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number
from sagewright_container.contract import cpu_count

CLASSIFIER_FILE, VECTORS_FILE, TEXT_FILE, EVALUATION_FILE = "model.bin", "vectors.bin", "vectors.txt", "eval.json"
SUPERVISED = "supervised"
_SUBWORD_MODES = ("cbow", "skipgram")
_WORD_MODES = ("batch_skipgram", *_SUBWORD_MODES)
_TEXTS = {"text/plain": "text", "application/jsonlines": "jsonlines", "application/x-recordio": "recordio"}
_PAIRS = {"text/csv": "text", "text/tab-separated-values": "text"}

_LOOK_S = 0.1
"""How often fastText looks whether its threads are done."""
_WORD_BYTES, _UPDATE_S, _BEGIN_S = 5, 0.5e-9, 5e-9
"""What takes how long, roughly: a word is so many bytes; a number of its vector so many seconds an update, and so many
before the first."""


def _truth(name: str, default: str) -> Hyperparameter:
    return choice(name, "True", "False", "true", "false", default=default)


class BlazingText:
    """See the module."""

    name = "blazingtext"
    environment = "blazingtext"
    repositories = ("blazingtext",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        choice("mode", *_WORD_MODES, SUPERVISED, required=True, tunable=_WORD_MODES),
        integer("epochs", 1, default=5, tunable=Range(5, 15)),
        number("learning_rate", Range(0, None, low_open=True), default=0.05, tunable=Range(0.005, 0.01)),
        integer("min_count", 0, default=5, tunable=Range(0, 100)),
        integer("vector_dim", 1, default=100, tunable=Range(32, 300)),
        integer("buckets", 1, default=2000000, tunable=Range(1000000, 10000000)),
        # vectors of words
        integer("window_size", 1, default=5, tunable=Range(1, 10)),
        integer("negative_samples", 1, default=5, tunable=Range(5, 25)),
        number("sampling_threshold", Range(0, 1, low_open=True), default=0.0001, tunable=Range(0.0001, 0.001)),
        _truth("subwords", "False"),
        integer("min_char", 1, default=3),
        integer("max_char", 1, default=6),
        _truth("evaluation", "True"),
        integer("batch_size", 1, ignored=True, tunable=Range(8, 32)),
        # classification of texts
        integer("word_ngrams", 1, default=2, tunable=Range(1, 3)),
        _truth("early_stopping", "False"),
        integer("min_epochs", 1, default=5),
        integer("patience", 1, default=4),
    )
    channels: Sequence[Channel] = (
        Channel("train", _TEXTS, "text/plain", required=True, pipe=frozenset({"recordio"})),
        Channel("validation", {**_TEXTS, **_PAIRS}, "text/plain", pipe=frozenset({"recordio"})),
    )
    metrics: Sequence[Metric] = (
        Metric("train:mean_rho", rf"#mean_rho: {quality.NUMBER}", True),
        Metric("train:accuracy", rf"#train_accuracy: {quality.NUMBER}", True),
        Metric("validation:accuracy", rf"#validation_accuracy: {quality.NUMBER}", True),
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """Parts of words are known to two modes, and their lengths are a range."""
        if _true(values["subwords"]) and values["mode"] not in (*_SUBWORD_MODES, SUPERVISED):
            raise ClientError(f"Hyperparameter subwords: mode {values['mode']} does not learn parts of words.")
        if values["min_char"] > values["max_char"]:
            raise ClientError(
                f"Hyperparameter min_char is {values['min_char']}, above max_char, which is {values['max_char']}."
            )

    def train(self, job: Job) -> None:
        """Train on the channel `train`, measure on `validation`, save what fastText reads."""
        texts = importlib.import_module("sagewright_container.algorithms.texts")
        supervised = job.hyperparameters["mode"] == SUPERVISED
        if supervised and _true(job.hyperparameters["early_stopping"]) and "validation" not in job.inputs:
            raise ClientError("Hyperparameter early_stopping needs the channel validation, which was not given.")
        with texts.scratch() as place:
            path = texts.gathered(job.inputs["train"], place, labelled=supervised)
            if not supervised:
                _vectors(job, path)
                return
            held_out = None
            if "validation" in job.inputs:
                held_out = texts.gathered(job.inputs["validation"], place, labelled=True)
            _classifier(job, path, held_out)

    def load(self, model_dir: str) -> Model:
        """Not this way: its requests are texts (`handler`)."""
        raise NotImplementedError(model_dir)

    def handler(self, model_dir: str) -> Any:
        """Answers texts with labels, or words with vectors; fastText's own models are served as well."""
        serving = importlib.import_module("sagewright_container.serving.text_algorithm")
        names = [name for name in (CLASSIFIER_FILE, VECTORS_FILE) if os.path.isfile(os.path.join(model_dir, name))]
        if not names:
            raise FileNotFoundError(f"The model has neither {CLASSIFIER_FILE} nor {VECTORS_FILE}.")
        model = _binding().fasttext()
        model.loadModel(os.path.join(model_dir, names[0]))
        classifies = model.getArgs().model.name == SUPERVISED
        return serving.TextHandler(Labels(model) if classifies else Vectors(model))


def _true(word: str) -> bool:
    return word.lower() == "true"


def _binding() -> Any:
    """fastText itself. The module around it answers with NumPy's arrays, and loading these takes as long as training
    on a small file."""
    return importlib.import_module("fasttext_pybind")


def _trained(path: str, values: Mapping[str, Any], **more: Any) -> Any:
    """A model of fastText's. Raises ClientError for what it says of the data."""
    binding = _binding()
    told, model = binding.args(), binding.fasttext()
    options = {
        "input": path,
        "lr": values["learning_rate"],
        "dim": values["vector_dim"],
        "epoch": values["epochs"],
        "minCount": values["min_count"],
        "bucket": values["buckets"],
        "thread": threads(values, os.path.getsize(path), cpu_count()),
        "verbose": 0,
        **more,
    }
    for name, value in options.items():
        setattr(told, name, value)
    if told.wordNgrams <= 1 and told.maxn == 0:
        told.bucket = 0  # nothing would be in them
    try:
        binding.train(model, told)
    except ValueError as error:
        raise ClientError(f"fastText cannot train on the channel train: {error}") from error
    except RuntimeError as error:
        hint = " Lower hyperparameter learning_rate." if "NaN" in str(error) else ""
        raise ClientError(f"fastText failed on the channel train: {error}{hint}") from error
    return model


def threads(values: Mapping[str, Any], size: int, processors: int) -> int:
    """How many threads train on a file of `size` bytes the soonest: one, or all that there can be.

    fastText looks ten times a second whether several are done, and waits for one alone without that.
    """
    words, dimension = size / _WORD_BYTES, values["vector_dim"]
    if values["mode"] == SUPERVISED:
        updates, rows = 2 * values["word_ngrams"], values["buckets"]
    else:
        updates = values["window_size"] * (values["negative_samples"] + 1)
        rows = values["buckets"] if _true(values["subwords"]) else 0
    trains = words * values["epochs"] * updates * dimension * _UPDATE_S
    begins = rows * dimension * _BEGIN_S
    together = max(trains / processors, _LOOK_S) + _LOOK_S / 2 + begins / processors
    return 1 if trains + begins < together else processors


def _classifier(job: Job, path: str, held_out: str | None) -> None:
    values, binding = dict(job.hyperparameters), _binding()
    kind = {"model": binding.model_name.supervised, "loss": binding.loss_name.softmax, "minn": 0, "maxn": 0}

    def trained(epochs: int) -> Any:
        return _trained(path, {**values, "epochs": epochs}, wordNgrams=values["word_ngrams"], **kind)

    if held_out is not None and _true(values["early_stopping"]):
        model = _stopped_early(job, trained, held_out)
    else:
        model = trained(values["epochs"])
    if len(model.getLabels("replace")[0]) < 2:
        raise ClientError("Channel train has texts of one label only, and classification needs two at the least.")
    for name, measured in (("train", path), ("validation", held_out)):
        if measured is not None:
            count, precision, _ = model.test(measured, 1, 0.0)
            print(f"#{name}_accuracy: {precision:.6f}\nNumber of {name} examples: {count}", flush=True)
    model.saveModel(os.path.join(job.model_dir, CLASSIFIER_FILE))


def _stopped_early(job: Job, trained: Callable[[int], Any], held_out: str) -> Any:
    """The best of models with more and more epochs; the first that is no better ends it."""
    values = job.hyperparameters
    epochs = min(values["min_epochs"], values["epochs"])
    best, highest = None, -1.0
    while True:
        model = trained(epochs)
        accuracy = model.test(held_out, 1, 0.0)[1]
        print(f"{epochs} epochs: validation accuracy {accuracy:.6f}", flush=True)
        if accuracy > highest:
            best, highest = model, accuracy
        if best is not model or epochs == values["epochs"] or job.stopping:
            return best
        epochs = min(epochs + values["patience"], values["epochs"])


def _vectors(job: Job, path: str) -> None:
    texts = importlib.import_module("sagewright_container.algorithms.texts")
    values = job.hyperparameters
    lengths = (values["min_char"], values["max_char"]) if _true(values["subwords"]) else (0, 0)
    kinds = _binding().model_name
    model = _trained(
        path,
        values,
        model=kinds.cbow if values["mode"] == "cbow" else kinds.skipgram,
        ws=values["window_size"],
        neg=values["negative_samples"],
        t=values["sampling_threshold"],
        minn=lengths[0],
        maxn=lengths[1],
    )
    model.saveModel(os.path.join(job.model_dir, VECTORS_FILE))
    texts.write_vectors(os.path.join(job.model_dir, TEXT_FILE), model)
    if _true(values["evaluation"]):
        _evaluate(job, model)


def _evaluate(job: Job, model: Any) -> None:
    """How well the vectors' likeness follows people's: pairs of words with a score, in the form of WordSimilarity-353.

    AWS's image brings that set along. Here it is the channel `validation`.
    """
    if "validation" not in job.inputs:
        print("No evaluation: it needs a channel validation with lines of word, word, score.", flush=True)
        return
    texts = importlib.import_module("sagewright_container.algorithms.texts")
    rho, pairs = texts.likeness(job.inputs["validation"], model)
    print(f"#mean_rho: {rho:.6f}\nNumber of pairs: {pairs}", flush=True)
    with open(os.path.join(job.model_dir, EVALUATION_FILE), "w") as file:
        json.dump({"mean_rho": rho, "pairs": pairs}, file)


class Labels:
    """Answers the `k` likeliest labels of each text."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def answers(self, texts: Sequence[str], counts: Sequence[int]) -> list[dict[str, Any]]:
        """`label` and `prob`, the likeliest first."""
        return [self._answer(text.replace("\n", " "), k) for text, k in zip(texts, counts, strict=True)]

    def _answer(self, text: str, k: int) -> dict[str, Any]:
        found = self._model.predict(f"{text}\n", k, 0.0, "replace")
        return {"label": [label for _, label in found], "prob": [probability for probability, _ in found]}


class Vectors:
    """Answers the vector of each word: of its parts where it is unknown, zeros where the model knows no parts."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._vector = importlib.import_module("sagewright_container.algorithms.texts").vector

    def answers(self, texts: Sequence[str], _counts: Sequence[int]) -> list[dict[str, Any]]:
        """`vector` and `word`."""
        return [{"vector": self._vector(self._model, word), "word": word} for word in texts]


BLAZING_TEXT = BlazingText()
