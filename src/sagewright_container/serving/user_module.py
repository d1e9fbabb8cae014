"""Find and load the user's serving script, and turn its functions into a handler.

The functions are those of SageMaker's containers: `model_fn(model_dir)`, then either
`input_fn(data, content_type)`, `predict_fn(data, model)` and `output_fn(prediction, accept)`, or instead of the
three `transform_fn(model, data, content_type, accept)`. Each may take one more argument, `context`.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from sagewright_container.contract import Contract
from sagewright_container.serving.base import Request, Response, acceptable, media_type
from sagewright_container.serving.context import Context
from sagewright_container.serving.errors import NoContent, UnsupportedContent, UserCodeError

JSON, CSV = "application/json", "text/csv"
_TEXT = frozenset({JSON, CSV})
DEFAULT_PROGRAM = "inference.py"
PARTS = ("input_fn", "predict_fn", "output_fn")
_PREDICTIONS = "an array, numbers, text, or lists and dicts of them, or there must be an output_fn that writes it"


class Defaults(NamedTuple):
    """What a framework does where the user's script says nothing. `encoders` are the forms it can answer in."""

    decode: Callable[[bytes, str], Any]
    predict: Callable[[Any, Any], Any]
    encode: Callable[[Any, str], bytes]
    encoders: Mapping[str, Any]
    load: Callable[[str], Any] | None = None
    """Loads the model from the folder that is given; None where only the user's script can."""


def find(contract: Contract, environ: Mapping[str, str]) -> str | None:
    """The script's path, or None. SAGEMAKER_PROGRAM names it, SAGEMAKER_SUBMIT_DIRECTORY where it lies.

    A directory on S3 has been unpacked by the platform to /opt/ml/code.
    """
    program = environ.get("SAGEMAKER_PROGRAM") or DEFAULT_PROGRAM
    said = environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "").removeprefix("file://")
    in_model = os.path.join(contract.model_dir, "code")
    for folder in (said, in_model, contract.code_dir, contract.model_dir):
        for name in (program, f"{program}.py"):
            path = os.path.join(folder, name)
            if folder and not folder.startswith("s3://") and os.path.isfile(path):
                return path
    return None


def handler(path: str | None, contract: Contract, defaults: Defaults) -> UserHandler:
    """The user's script, if there is one, over a framework's defaults."""
    module = None
    if path is not None:
        install_requirements(path)
        module = load(path)
    return UserHandler(module, defaults, contract, os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON))


def install_requirements(path: str) -> None:
    """Install what the requirements.txt beside a script names, unless the platform has."""
    folder = os.path.dirname(path)
    if not os.environ.get("SAGEWRIGHT_REQUIREMENTS_DONE") and os.path.exists(f"{folder}/requirements.txt"):
        install = importlib.import_module("sagewright_container.training.install")
        install.install(folder, package=False, requirements=True)


def load(path: str) -> ModuleType:
    """Import the script under its own name, its folder and the `lib` in it first on the path, where the SDK puts a
    model's dependencies. Raises what the script raises."""
    folder = os.path.dirname(path)
    sys.path[:0] = [folder, os.path.join(folder, "lib")]
    name = os.path.basename(path).removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserCodeError(f"{path} is not a Python module.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class UserHandler:
    """A model loaded and served by a user's functions, a framework's defaults where there are none."""

    def __init__(self, module: ModuleType | None, defaults: Defaults, contract: Contract, default_accept: str) -> None:
        """Load the model; without a module all is done by the defaults.

        Raises NotImplementedError without a model_fn or a default for it, ValueError for functions that clash.
        """
        functions = {name: getattr(module, name, None) for name in ("model_fn", "transform_fn", *PARTS)}
        clashing = [name for name in PARTS if functions[name]]
        if functions["transform_fn"] and clashing:
            raise ValueError(f"Cannot use transform_fn implementation with {', '.join(clashing)}.")
        if not functions["model_fn"]:
            functions["model_fn"] = defaults.load
        if not functions["model_fn"]:
            raise NotImplementedError(
                "Please provide a model_fn implementation.\n"
                "See documentation for model_fn at https://github.com/aws/sagemaker-python-sdk"
            )
        self._contract = contract
        self._defaults = defaults
        self._default_accept = default_accept
        self._takes_context = {name: _takes(function, _OWN[name]) for name, function in functions.items()}
        self._functions: dict[str, Callable[..., Any]] = {key: fn for key, fn in functions.items() if fn}
        self._with_context = any(takes for name, takes in self._takes_context.items() if name != "model_fn")
        self._parameters = getattr(module, "execution_parameters_fn", None)
        self._accepts: dict[str, str] = {}
        self._model = self._call("model_fn", Context(contract.model_dir, {}), contract.model_dir)

    def execution_parameters(self) -> Mapping[str, Any] | None:
        """What the user's execution_parameters_fn says."""
        return None if self._parameters is None else self._parameters()

    def handle(self, request: Request) -> Response:
        """Decode, predict, encode."""
        content_type = request.content_type or JSON
        accept = self._accept(request.accept)
        context = Context(self._contract.model_dir, request.headers) if self._with_context else None
        if "transform_fn" in self._functions:
            data = _given(request.body, content_type)
            result = self._call("transform_fn", context, self._model, data, content_type, accept)
            response = sent(result, accept, "transform_fn")
        else:
            data = self._decoded(request.body, content_type, context)
            response = self._encoded(self._predicted(data, context), accept, context)
        return response if context is None else context.applied(response)

    def _predicted(self, data: Any, context: Context | None) -> Any:
        if "predict_fn" not in self._functions:
            return self._defaults.predict(data, self._model)
        return self._call("predict_fn", context, data, self._model)

    def _encoded(self, prediction: Any, accept: str, context: Context | None) -> Response:
        """The response of the user's output_fn, or the default one. What is made piece by piece is sent so."""
        if "output_fn" in self._functions:
            return sent(self._call("output_fn", context, prediction, accept), accept, "output_fn")
        if "predict_fn" not in self._functions:
            return Response(self._defaults.encode(prediction, accept), accept)
        if is_stream(prediction):
            return Response(b"", accept, stream=prediction)
        if prediction is None:
            raise UserCodeError(f"predict_fn answered None: it must return {_PREDICTIONS}.")
        try:
            return Response(self._defaults.encode(prediction, accept), accept)
        except (TypeError, ValueError) as error:
            raise UserCodeError(
                f"predict_fn answered {type(prediction).__name__}, which cannot be written as {accept} ({error}): "
                f"it must return {_PREDICTIONS}."
            ) from error

    def _accept(self, header: str) -> str:
        """The form of the answer: what a default can write, else what the header says to the user's function."""
        accept = self._accepts.get(header)
        if accept is None:
            supported = self._defaults.encoders
            if {"output_fn", "transform_fn"} & self._functions.keys():
                accept = header if header not in ("", "*/*") else self._default_accept
            else:
                accept = acceptable(header, supported, self._default_accept)
            if len(self._accepts) < 64:  # callers may send anything; remember the few that matter
                self._accepts[header] = accept
        return accept

    def _decoded(self, body: bytes, content_type: str, context: Context | None) -> Any:
        if "input_fn" in self._functions:
            return self._call("input_fn", context, _given(body, content_type), content_type)
        if not body:
            raise NoContent
        return self._defaults.decode(body, media_type(content_type))

    def _call(self, name: str, context: Context | None, *arguments: Any) -> Any:
        function = self._functions[name]
        return function(*arguments, context) if self._takes_context[name] else function(*arguments)


# How many arguments each function has without `context`.
_OWN = {"model_fn": 1, "input_fn": 2, "predict_fn": 2, "output_fn": 2, "transform_fn": 4}


def _takes(function: Callable[..., Any] | None, own: int) -> bool:
    """Whether a function takes the extra `context`: it is named so, or there is one more place than needed."""
    if function is None:
        return False
    places = inspect.signature(function).parameters.values()
    if any(place.name == "context" for place in places):
        return True
    needed = [place for place in places if place.default is place.empty and place.kind <= place.POSITIONAL_OR_KEYWORD]
    return len(needed) > own


def _given(body: bytes, content_type: str) -> str | bytes:
    if media_type(content_type) not in _TEXT:
        return body
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise UnsupportedContent(f"The request is not text in UTF-8, as {content_type} must be: {error}.") from None


def is_stream(result: Any) -> bool:
    """Whether a user's function answered something that is made piece by piece: an iterator, asynchronous or not."""
    return hasattr(result, "__next__") or hasattr(result, "__anext__")


def sent(result: Any, accept: str, function: str) -> Response:
    """What a user's function may answer: text, bytes, an iterator of either, (one of these, content type), or a
    Flask-like response object. Raises UserCodeError with the function's name for all else."""
    if isinstance(result, tuple) and len(result) >= 2:
        return sent(result[0], str(result[1]), function)
    if isinstance(result, str):
        return Response(result.encode(), accept)
    if isinstance(result, bytes | bytearray | memoryview):
        return Response(bytes(result), accept)
    if is_stream(result):
        return Response(b"", accept, stream=result)
    if callable(getattr(result, "get_data", None)):
        kind = getattr(result, "mimetype", None) or accept
        return sent(result.get_data(), kind, function)._replace(status=int(getattr(result, "status_code", 200)))
    raise UserCodeError(
        f"{function} answered {type(result).__name__}: it must return text, bytes, an iterator of text or bytes, or "
        "one of these and its content type as a tuple."
    )
