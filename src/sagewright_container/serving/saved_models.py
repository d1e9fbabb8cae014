"""SavedModels by name and version, each answering requests of TensorFlow Serving's REST API in this process.

The API: https://www.tensorflow.org/tfx/serving/api_rest. `instances` are rows, answered by `predictions`; `inputs` are
columns, answered by `outputs`; `examples` are dicts of features for the methods classify and regress, answered by
`results`.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # not what the CPU could do besides

import numpy as np
import tensorflow as tf

from sagewright_container.serving.errors import BadRequest

_SAVED = ("saved_model.pb", "saved_model.pbtxt")
_DEFAULT_SIGNATURE = "serving_default"
METHODS = ("predict", "classify", "regress")


class SavedModels:
    """The models of one folder, `<any>/<name>/<version>/saved_model.pb`. The default is loaded at once."""

    def __init__(self, model_dir: str, default: str | None = None) -> None:
        """Raises ValueError with what to do where there is no model, or none of the default's name."""
        self.versions = _found(model_dir)
        if not self.versions:
            held = ", ".join(sorted(os.listdir(model_dir))) or "nothing"
            raise ValueError(
                f"There is no SavedModel in {model_dir}, which holds {held}. Save the model to "
                "os.environ['SM_MODEL_DIR'] + '/1': with model.export(…), with tf.saved_model.save(…), or, before "
                "TensorFlow 2.16, with model.save(…)."
            )
        self.default = default or next(iter(self.versions))
        if self.default not in self.versions:
            raise ValueError(f"There is no SavedModel called {self.default!r}, but {', '.join(self.versions)}.")
        self._loaded: dict[str, SavedModel] = {}
        self.find()

    def find(self, name: str | None = None, version: str | None = None) -> SavedModel:
        """A model, by default the newest version of the default one. Raises BadRequest where there is none."""
        name = name or self.default
        versions = self.versions.get(name)
        if versions is None:
            raise BadRequest(f"There is no model called {name!r}, but {', '.join(self.versions)}.")
        path = versions.get(int(version) if version and version.isdecimal() else max(versions))
        if path is None:
            raise BadRequest(f"There is no version {version} of {name}, but {', '.join(map(str, sorted(versions)))}.")
        if path not in self._loaded:
            self._loaded[path] = SavedModel(path)
        return self._loaded[path]


def _found(model_dir: str) -> dict[str, dict[int, str]]:
    """Name → version → folder. A SavedModel that lies in no numbered folder counts as version 1."""
    found: dict[str, dict[int, str]] = {}
    for folder, _, files in sorted(os.walk(model_dir)):
        if not set(_SAVED) & set(files):
            continue
        above, version = os.path.split(os.path.abspath(folder))
        numbered = version.isdecimal() and folder != model_dir
        name = os.path.basename(above) if numbered else version
        found.setdefault(name, {})[int(version) if numbered else 1] = folder
    return found


class SavedModel:
    """One loaded version."""

    def __init__(self, path: str) -> None:
        self._kept = tf.saved_model.load(path)  # the signatures live as long as it does
        self._signatures: Mapping[str, Any] = self._kept.signatures

    def answer(self, method: str, request: Any) -> dict[str, Any]:
        """TensorFlow Serving's answer to a decoded request body, ready for JSON. Raises BadRequest."""
        if method not in METHODS:
            raise BadRequest(f"There is no method {method!r}: it is one of {', '.join(METHODS)}.")
        if not isinstance(request, dict):
            raise BadRequest("The request must be a JSON object.")
        signature = self._signature(str(request.get("signature_name") or _DEFAULT_SIGNATURE))
        try:
            if method == "predict":
                return _predicted(signature, request)
            return {
                "results": _classified(signature, request) if method == "classify" else _regressed(signature, request)
            }
        except (tf.errors.InvalidArgumentError, ValueError, TypeError) as error:
            raise BadRequest(f"{error}") from None

    def _signature(self, name: str) -> Any:
        signature = self._signatures.get(name)
        if signature is None:
            raise BadRequest(
                f"The model has no signature {name!r}, but {', '.join(self._signatures) or 'none at all'}."
            )
        return signature


def _predicted(signature: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    specs = signature.structured_input_signature[1]
    if "instances" in request:
        rows = request["instances"]
        if not isinstance(rows, list) or not rows:
            raise ValueError("instances must be a list, and not an empty one.")
        outputs = _run(signature, _columns(rows, specs))
        return {"predictions": _rows(outputs)}
    if "inputs" in request:
        given = request["inputs"]
        named = isinstance(given, dict) and not _is_bytes(given)
        outputs = _run(signature, given if named else {_only(specs): given})
        values = {name: _plain(array) for name, array in outputs.items()}
        return {"outputs": values if len(values) > 1 else next(iter(values.values()))}
    raise ValueError("The request has neither instances nor inputs.")


def _columns(rows: Sequence[Any], specs: Mapping[str, Any]) -> dict[str, Any]:
    """Rows as columns: each row is a dict of all inputs, or the value of the only one."""
    if all(isinstance(row, dict) and not _is_bytes(row) for row in rows):
        names = rows[0].keys()
        if any(row.keys() != names for row in rows):
            raise ValueError("All instances must have the same keys.")
        return {name: [row[name] for row in rows] for name in names}
    return {_only(specs): rows}


def _only(specs: Mapping[str, Any]) -> str:
    if len(specs) != 1:
        raise ValueError(f"The model takes several inputs: name each of {', '.join(sorted(specs))}.")
    return next(iter(specs))


def _run(signature: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The signature's outputs as arrays, by their names."""
    specs = signature.structured_input_signature[1]
    if values.keys() != specs.keys():
        raise ValueError(f"The model takes {', '.join(sorted(specs))}; it was given {', '.join(values) or 'nothing'}.")
    tensors = {name: tf.constant(_array(value, specs[name])) for name, value in values.items()}
    return {name: tensor.numpy() for name, tensor in signature(**tensors).items()}


def _array(value: Any, spec: Any) -> Any:
    if spec.dtype == tf.string:
        return np.array(_decoded(value), object)
    return np.asarray(value, spec.dtype.as_numpy_dtype)


def _is_bytes(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"}


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return base64.b64decode(value["b64"]) if _is_bytes(value) else value


def _plain(array: Any) -> Any:
    values = array.tolist()
    return _encoded(values) if array.dtype == object else values


def _encoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    return value


def _rows(outputs: Mapping[str, Any]) -> list[Any]:
    """One prediction for each row: the value of the only output, or a dict of all."""
    if any(array.ndim == 0 for array in outputs.values()) or len({len(array) for array in outputs.values()}) != 1:
        raise ValueError("The model's outputs have no common number of rows: send inputs in place of instances.")
    if len(outputs) == 1:
        plain: list[Any] = _plain(next(iter(outputs.values())))
        return plain
    columns = {name: _plain(array) for name, array in outputs.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _classified(signature: Any, request: Mapping[str, Any]) -> list[Any]:
    """Pairs of label and score for each example; labels are empty where the model gives none."""
    outputs = _run_examples(signature, request)
    scores: Any = outputs.get("scores")
    classes: Any = outputs.get("classes")
    if scores is None and classes is None:
        raise ValueError("The signature classifies nothing: it has neither the output classes nor scores.")
    numbers = scores.tolist() if scores is not None else [[0.0] * len(row) for row in classes]
    labels = _plain(classes) if classes is not None else [[""] * len(row) for row in numbers]
    return [[list(pair) for pair in zip(*row, strict=True)] for row in zip(labels, numbers, strict=True)]


def _regressed(signature: Any, request: Mapping[str, Any]) -> list[Any]:
    outputs = _run_examples(signature, request)
    if "outputs" not in outputs:
        raise ValueError("The signature is no regression: it has no output called outputs.")
    values: list[Any] = outputs["outputs"].reshape(-1).tolist()
    return values


def _run_examples(signature: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs for `examples`, which become serialized tf.train.Example messages, `context` in each of them."""
    examples = request.get("examples")
    if not isinstance(examples, list) or not examples:
        raise ValueError("examples must be a list, and not an empty one.")
    shared = request.get("context") or {}
    serialized = [_example({**shared, **example}) for example in examples]
    name = _only(signature.structured_input_signature[1])
    outputs = signature(**{name: tf.constant(serialized)})
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def _example(features: Mapping[str, Any]) -> bytes:
    message = tf.train.Example()
    for name, value in features.items():
        values = value if isinstance(value, list) else [value]
        feature = message.features.feature[name]
        if all(isinstance(item, str) or _is_bytes(item) for item in values):
            texts = [_decoded(item) for item in values]
            feature.bytes_list.value.extend(text.encode() if isinstance(text, str) else text for text in texts)
        elif all(isinstance(item, int) for item in values):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    serialized: bytes = message.SerializeToString()
    return serialized
