"""scikit-learn's defaults: arrays in, `model.predict`, JSON, CSV or NPY out. A user's script loads the model."""

from __future__ import annotations

from typing import Any

from sagewright_container.serving import content
from sagewright_container.serving.user_module import Defaults


def predict(data: Any, model: Any) -> Any:
    """`model.predict`; one row that came without the brackets of a list of rows is taken as one row."""
    if data.ndim == 1:
        data = data.reshape(1, -1)
    return model.predict(data)


DEFAULTS = Defaults(content.decode, predict, content.encode, content.ENCODERS)
