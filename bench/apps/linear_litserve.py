"""The endpoint's prediction served by LitServe. Arguments: the port, processes; BENCH_MODEL: the model's folder."""

from __future__ import annotations

import os
import sys
from typing import Any

import joblib
import litserve
import numpy as np


class Linear(litserve.LitAPI):
    """LitServe's four steps."""

    def setup(self, device: str) -> None:
        """Load the model, once in each worker."""
        self.model = joblib.load(os.path.join(os.environ["BENCH_MODEL"], "model.joblib"))

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # it reads annotations as FastAPI does
        """JSON comes decoded."""
        return np.array(request, np.float32)

    def predict(self, rows: Any) -> Any:
        """One request at a time."""
        return self.model.predict(rows)

    def encode_response(self, predictions: Any) -> Any:
        """What JSON can hold."""
        return predictions.tolist()


if __name__ == "__main__":
    litserve.LitServer(Linear(), accelerator="cpu", workers_per_device=1, fast_queue=True).run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=int(sys.argv[2]),
        log_level="warning", access_log=False, generate_client_file=False,
    )  # fmt: skip
