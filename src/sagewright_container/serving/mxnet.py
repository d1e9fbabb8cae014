"""MXNet's defaults: a Module of three files, arrays in, JSON, CSV or NPY out. The user's functions come before them."""

from __future__ import annotations

import json
import os
from typing import Any

import mxnet as mx

from sagewright_container.contract import Contract
from sagewright_container.serving import content, user_module
from sagewright_container.serving.user_module import Defaults, UserHandler

_SYMBOL, _PARAMETERS, _SHAPES = "model-symbol.json", "model-0000.params", "model-shapes.json"


def load(contract: Contract) -> UserHandler:
    """The user's script over the defaults, or the defaults alone."""
    return user_module.handler(user_module.find(contract, os.environ), contract, DEFAULTS)


def load_model(model_dir: str) -> Any:
    """A Module bound for prediction. `model-shapes.json` names its data: [{"name": "data", "shape": [1, 4]}, …].

    Raises ValueError with what to do where one of the files is missing.
    """
    missing = [name for name in (_SYMBOL, _PARAMETERS, _SHAPES) if not os.path.exists(os.path.join(model_dir, name))]
    if missing:
        raise ValueError(f"Without a model_fn the model folder must hold a Module; it lacks {', '.join(missing)}.")
    symbol, arguments, auxiliary = mx.model.load_checkpoint(os.path.join(model_dir, "model"), 0)
    with open(os.path.join(model_dir, _SHAPES), encoding="utf-8") as file:
        shapes = [(each["name"], tuple(each["shape"])) for each in json.load(file)]
    names = [name for name, _ in shapes]
    labels = [name for name in symbol.list_arguments() if name not in arguments and name not in names]
    module = mx.mod.Module(symbol, data_names=names, label_names=labels)
    module.bind(shapes, for_training=False)
    module.set_params(arguments, auxiliary)
    return module


def decode(body: bytes, media: str) -> Any:
    """The request as a float32 NDArray."""
    return mx.nd.array(content.decode(body, media))


def predict(data: Any, model: Any) -> Any:
    """`predict` of a Module, for rows or for a single one; any other model is called."""
    if not isinstance(model, mx.mod.BaseModule):
        return model(data)
    if len(data.shape) < len(model.data_shapes[0].shape):
        data = data.expand_dims(0)
    name, bound = model.data_shapes[0][:2]
    if bound[0] != len(data):
        model.bind([(name, data.shape)], for_training=False, force_rebind=True)
    return model.predict(mx.io.NDArrayIter(data, batch_size=len(data)))


def encode(prediction: Any, media: str) -> bytes:
    """An NDArray, or a list of them, in the form that was asked for; other values as they are."""
    if isinstance(prediction, list):
        prediction = [_array(each) for each in prediction]
    return content.encode(_array(prediction), media)


def _array(value: Any) -> Any:
    return value.asnumpy() if isinstance(value, mx.nd.NDArray) else value


DEFAULTS = Defaults(decode, predict, encode, content.ENCODERS, load_model)
