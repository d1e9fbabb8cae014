"""XGBoost's script mode defaults: a DMatrix in, `model.predict`, JSON, CSV or NPY out."""

from __future__ import annotations

from typing import Any

import xgboost

from sagewright_container.serving import content, xgboost_content
from sagewright_container.serving.user_module import Defaults


def decode(body: bytes, media: str) -> Any:
    """The request as a DMatrix. Raises UnsupportedContent."""
    return xgboost.DMatrix(xgboost_content.decode(body, media))


def predict(data: Any, model: Any) -> Any:
    """`model.predict` of a Booster, or of one of XGBoost's scikit-learn estimators."""
    booster = model if isinstance(model, xgboost.Booster) else model.get_booster()
    return booster.predict(data, validate_features=False)


DEFAULTS = Defaults(decode, predict, content.encode, content.ENCODERS)
