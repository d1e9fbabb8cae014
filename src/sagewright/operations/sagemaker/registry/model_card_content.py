"""The content of model cards: one JSON object."""

from __future__ import annotations

from typing import Any, Final

import orjson

from sagewright.base.errors import validation_error
from sagewright.operations.sagemaker.listing import at

_PUBLIC: Final = (
    "model_overview.model_id",
    "model_overview.model_name",
    "intended_uses.risk_rating",
    "model_package_details.model_package_group_name",
    "model_package_details.model_package_arn",
)
"""What is shown to those who may not read the rest."""


def check_object(content: str) -> None:
    """Raises a ValidationException unless `content` is a JSON object."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise validation_error(f"The content of the model card is not valid JSON: {error}.") from None
    if not isinstance(found, dict):
        raise validation_error("The content of the model card must be a JSON object.")


def field(content: str, path: str) -> Any:
    """The value at a dotted path into the content; None where there is none."""
    return at(orjson.loads(content), path)


def sanitised(content: str) -> str:
    """The content with nothing but its public fields."""
    kept: dict[str, dict[str, Any]] = {}
    for path in _PUBLIC:
        value = field(content, path)
        if value is not None:
            section, _, name = path.partition(".")
            kept.setdefault(section, {})[name] = value
    return orjson.dumps(kept).decode()
