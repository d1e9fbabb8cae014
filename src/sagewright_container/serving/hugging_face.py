"""Hugging Face's defaults: a Transformers pipeline for the model's task. The user's functions come before it.

HF_TASK names the task; else the architecture in the model's configuration does. HF_MODEL_ID names a model of the Hub,
which is fetched when there is none in the model folder.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import transformers

from sagewright_container.contract import Contract
from sagewright_container.serving import content, user_module
from sagewright_container.serving.errors import BadRequest, NotAcceptable, UnsupportedContent
from sagewright_container.serving.user_module import Defaults, UserHandler

# By the end of an architecture's name, in this order.
_TASKS = (
    ("ForQuestionAnswering", "question-answering"),
    ("ForTokenClassification", "token-classification"),
    ("ForSequenceClassification", "text-classification"),
    ("ForMultipleChoice", "multiple-choice"),
    ("ForMaskedLM", "fill-mask"),
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("MTModel", "translation"),
    ("MarianModel", "translation"),
    ("ForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("ForCTC", "automatic-speech-recognition"),
    ("WhisperForConditionalGeneration", "automatic-speech-recognition"),
    ("ForConditionalGeneration", "text2text-generation"),
    ("ForImageClassification", "image-classification"),
    ("ForObjectDetection", "object-detection"),
    ("ForSemanticSegmentation", "image-segmentation"),
    ("ForAudioClassification", "audio-classification"),
    ("Model", "feature-extraction"),
)
_CSV_COLUMNS = ("inputs", "question", "context")


def load(contract: Contract) -> UserHandler:
    """The user's script over the defaults, or the defaults alone."""
    return user_module.handler(user_module.find(contract, os.environ), contract, DEFAULTS)


def load_model(model_dir: str) -> Any:
    """The pipeline of the model in the folder, with its own tokenizer or processor.

    Raises ValueError with what to do where no task can be told.
    """
    held = os.path.exists(os.path.join(model_dir, "config.json"))
    model = model_dir if held else os.environ.get("HF_MODEL_ID")
    if not model:
        raise ValueError(
            f"There is no config.json in {model_dir}: save the model and its tokenizer with save_pretrained, name a "
            "model of the Hub in HF_MODEL_ID, or write a model_fn in code/inference.py."
        )
    task = os.environ.get("HF_TASK") or (_task(model_dir) if held else None)
    options: dict[str, Any] = {"token": os.environ["HF_API_TOKEN"]} if os.environ.get("HF_API_TOKEN") else {}
    return transformers.pipeline(task, model=model, **options, **_parts(model_dir if held else None))


def _task(model_dir: str) -> str:
    with open(os.path.join(model_dir, "config.json"), encoding="utf-8") as file:
        architectures = json.load(file).get("architectures") or [""]
    name = architectures[0].removeprefix("TF")
    for ending, task in _TASKS:
        if name.endswith(ending):
            return task
    raise ValueError(f"Which task the model {name or 'of no architecture'} is for cannot be told: name it in HF_TASK.")


def _parts(model_dir: str | None) -> dict[str, str]:
    """What else of a pipeline lies beside the model. Pipelines look for these themselves, but not for all models."""
    if model_dir is None:
        return {}
    names = {"tokenizer": "tokenizer_config.json", "feature_extractor": "preprocessor_config.json"}
    return {part: model_dir for part, name in names.items() if os.path.exists(os.path.join(model_dir, name))}


def decode(body: bytes, media: str) -> Any:
    """The request as a dict whose `inputs` a pipeline takes. Raises UnsupportedContent, BadRequest."""
    kind = media.partition("/")[0]
    if kind in ("audio", "image"):
        return {"inputs": _image(body) if kind == "image" else body}
    decoder = _DECODERS.get(media)
    if decoder is None:
        known = ", ".join((*_DECODERS, "audio/*", "image/*"))
        raise UnsupportedContent(
            f"Content type {media} is not supported: it is one of {known}, or an input_fn reads it."
        )
    return decoder(body)


def _from_json(body: bytes) -> Any:
    try:
        return content.from_json(body)
    except ValueError as error:
        raise BadRequest(f"The request is not JSON: {error}.") from None


def _from_csv(body: bytes) -> dict[str, Any]:
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    if not rows or not set(_CSV_COLUMNS) & rows[0].keys():
        raise BadRequest("CSV needs a first line that names its columns: inputs, or question and context.")
    if "inputs" in rows[0]:
        return {"inputs": [row["inputs"] for row in rows]}
    return {"inputs": rows}


def _image(body: bytes) -> Any:
    from PIL import Image  # not in every environment, and needed for images alone

    return Image.open(io.BytesIO(body))


_DECODERS: Mapping[str, Callable[[bytes], Any]] = {
    content.JSON: _from_json,
    content.CSV: _from_csv,
    "text/plain": lambda body: {"inputs": body.decode()},
    content.NPY: lambda body: {"inputs": content.npy_array(body)},
}


def predict(data: Any, model: Any) -> Any:
    """`model(inputs, **parameters)` of a pipeline; what has no `inputs` is the inputs."""
    if not isinstance(data, dict):
        return model(data)
    given = dict(data)
    parameters = given.pop("parameters", None) or {}
    return model(given.pop("inputs", given), **parameters)


def to_json(prediction: Any) -> bytes:
    """Pipelines' answers: NumPy's numbers among them, and images as lists of pixels."""
    return json.dumps(prediction, default=_plain).encode()


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if type(value).__module__.startswith("PIL."):
        return np.asarray(value).tolist()
    raise TypeError(f"An object of the type {type(value).__name__} has no form in JSON.")


def to_csv(prediction: Any) -> bytes:
    """A line for each answer under a line of names; other values as columns of numbers."""
    rows = prediction if isinstance(prediction, list) else [prediction]
    if not rows or not isinstance(rows[0], dict):
        return content.to_csv(prediction)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


_ENCODERS = {content.JSON: to_json, content.CSV: to_csv, content.NPY: content.to_npy}


def encode(prediction: Any, media: str) -> bytes:
    """The body of an answer. Raises NotAcceptable for a type that is not in _ENCODERS."""
    if media not in _ENCODERS:
        known = ", ".join(_ENCODERS)
        raise NotAcceptable(f"Accept type {media} is not supported: it is one of {known}, or an output_fn writes it.")
    return _ENCODERS[media](prediction)


DEFAULTS = Defaults(decode, predict, encode, _ENCODERS, load_model)
