"""The endpoint's prediction as a BentoML service: `bentoml serve linear_bentoml:Linear`. BENCH_MODEL: the folder."""

from __future__ import annotations

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers="cpu_count")
class Linear:
    """One API, `/predict`."""

    def __init__(self) -> None:
        self.model = joblib.load(os.path.join(os.environ["BENCH_MODEL"], "model.joblib"))

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        """Decoded and checked by pydantic."""
        predictions: list[float] = self.model.predict(np.array(rows, np.float32)).tolist()
        return predictions
