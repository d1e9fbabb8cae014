"""The TensorFlow image's `code/inference.py`: `handler(data, context)`, or `input_handler(data, context)` and
`output_handler(response, context)` around the model.

A `handler` calls the model by itself, over HTTP at `context.rest_uri`: for it the models are served once more, on a
port of their own.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import ModuleType
from typing import Any, NamedTuple

from sagewright_container.serving import content, user_module
from sagewright_container.serving.base import Request, Response
from sagewright_container.serving.errors import BadRequest, ServingError
from sagewright_container.serving.saved_models import SavedModels

_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_PATH = re.compile(r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+))?(?::(?P<method>\w+))?")


class Target(NamedTuple):
    """What a request's custom attributes ask for."""

    model_name: str | None
    model_version: str | None
    method: str
    attributes: str


class Context(NamedTuple):
    """What handlers are told about a request."""

    model_name: str
    model_version: str | None
    method: str
    rest_uri: str
    grpc_port: str | None
    """None: the models are not served over gRPC."""
    custom_attributes: str
    request_content_type: str
    accept_header: str
    content_length: int


class ModelResponse:
    """The model's answer, as `output_handler` knows it from `requests`."""

    def __init__(self, status_code: int, body: bytes) -> None:
        self.status_code = status_code
        self.content = body
        self.headers: Mapping[str, str] = {"Content-Type": content.JSON}

    @property
    def ok(self) -> bool:
        """Whether the model could answer."""
        return self.status_code < 400

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.content)


def target(request: Request) -> Target:
    """The custom attributes `tfs-…`, which are separated by commas."""
    attributes = request.headers.get(_ATTRIBUTES, "")
    pairs = (part.partition("=") for part in attributes.split(","))
    said = {name.strip(): value.strip() for name, _, value in pairs}
    return Target(
        said.get("tfs-model-name"), said.get("tfs-model-version"), said.get("tfs-method", "predict"), attributes
    )


class UserHandlers:
    """The functions of a user's inference.py around the models."""

    def __init__(self, module: ModuleType, models: SavedModels) -> None:
        """Raises NotImplementedError for a module that lacks the functions, or has both kinds."""
        self._handler = getattr(module, "handler", None)
        self._input, self._output = (getattr(module, f"{name}_handler", None) for name in ("input", "output"))
        if bool(self._handler) == bool(self._input and self._output):
            raise NotImplementedError(
                f"{module.__name__}.py must have either a handler(data, context), or both an "
                "input_handler(data, context) and an output_handler(response, context)."
            )
        self._models = models
        self._address = _served(models) if self._handler else ""

    def execution_parameters(self) -> None:
        """The handlers say nothing about batches."""
        return

    def handle(self, request: Request) -> Response:
        """Call the user's functions; they answer (body, content type)."""
        wanted = target(request)
        context = self._context(request, wanted)
        data = io.BytesIO(request.body)
        if self._handler is not None:
            return _sent(self._handler(data, context), context, "handler")
        assert self._input is not None
        assert self._output is not None
        processed = self._input(data, context)
        return _sent(self._output(_answered(self._models, wanted, processed), context), context, "output_handler")

    def _context(self, request: Request, wanted: Target) -> Context:
        name = wanted.model_name or self._models.default
        version = f"/versions/{wanted.model_version}" if wanted.model_version else ""
        return Context(
            model_name=name,
            model_version=wanted.model_version,
            method=wanted.method,
            rest_uri=f"{self._address}/v1/models/{name}{version}:{wanted.method}",
            grpc_port=None,
            custom_attributes=wanted.attributes,
            request_content_type=request.content_type or content.JSON,
            accept_header=request.accept or content.JSON,
            content_length=len(request.body),
        )


def _answered(models: SavedModels, wanted: Target, body: Any) -> ModelResponse:
    try:
        request = json.loads(body)
    except (TypeError, ValueError) as error:
        return _refused(BadRequest(f"input_handler must answer JSON: {error}"))
    try:
        found = models.find(wanted.model_name, wanted.model_version)
        return ModelResponse(200, content.to_json(found.answer(wanted.method, request)))
    except ServingError as error:
        return _refused(error)


def _refused(error: ServingError) -> ModelResponse:
    return ModelResponse(error.status, json.dumps({"error": str(error)}).encode())


def _sent(result: Any, context: Context, function: str) -> Response:
    return user_module.sent(result, context.accept_header, function)


def _served(models: SavedModels) -> str:
    """TensorFlow Serving's REST API on a free port of this machine, for as long as the process lives; its address."""

    class Rest(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            match = _PATH.fullmatch(self.path)
            wanted = Target(match["name"], match["version"], match["method"] or "", "") if match else None
            self._send(_answered(models, wanted, body) if wanted else _refused(BadRequest(f"Not found: {self.path}")))

        def do_GET(self) -> None:
            match = _PATH.fullmatch(self.path)
            try:
                models.find(match["name"] if match else self.path, match["version"] if match else None)
            except ServingError as error:
                self._send(_refused(error))
            else:
                state = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
                self._send(ModelResponse(200, json.dumps({"model_version_status": [state]}).encode()))

        def _send(self, response: ModelResponse) -> None:
            self.send_response(response.status_code)
            self.send_header("Content-Type", content.JSON)
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        def log_message(self, *_: Any) -> None:
            """The user's script says what it wants said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    Thread(target=server.serve_forever, name="rest", daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
