"""The endpoint's prediction as SageMaker's scikit-learn container serves it: its library, its gunicorn with gevent, and
the defaults that it gives to a script's `model_fn`. The environment is the container's: SAGEMAKER_PROGRAM and so on."""

from __future__ import annotations

import collections
import collections.abc
import importlib
from collections.abc import Iterable
from typing import Any

import numpy as np

collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined]  # what the image mends for newer Pythons
from sagemaker_containers.beta.framework import (  # noqa: E402
    content_types,
    encoders,
    env,
    server,
    transformer,
    worker,
)

_apps: list[Any] = []
"""The Flask application, made by the first request, as there."""


def main(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """WSGI, run by gunicorn's workers."""
    if not _apps:
        _apps.append(_application())
    answer: Iterable[bytes] = _apps[0](environ, start_response)
    return answer


def _application() -> Any:
    name = env.ServingEnv().module_name
    steps = transformer.Transformer(
        model_fn=importlib.import_module(name).model_fn, input_fn=_input, predict_fn=_predict, output_fn=_output
    )
    steps.initialize()
    return worker.Worker(transform_fn=steps.transform, module_name=name)


def _input(data: Any, content_type: str) -> Any:
    rows = encoders.decode(data, content_type)
    return rows.astype(np.float32) if content_type in content_types.UTF8_TYPES else rows


def _predict(rows: Any, model: Any) -> Any:
    return model.predict(rows)


def _output(predictions: Any, accept: str) -> Any:
    return worker.Response(encoders.encode(predictions, accept), mimetype=accept)


if __name__ == "__main__":
    server.start("linear_sagemaker:main")
