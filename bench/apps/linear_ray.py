"""The endpoint's prediction served by Ray Serve. Arguments: the port, processes; BENCH_MODEL: the model's folder."""

from __future__ import annotations

import os
import sys

import joblib
import numpy as np
import ray
from ray import serve
from starlette.requests import Request


@serve.deployment(max_ongoing_requests=100)
class Linear:
    """One replica."""

    def __init__(self) -> None:
        self.model = joblib.load(os.path.join(os.environ["BENCH_MODEL"], "model.joblib"))

    async def __call__(self, request: Request) -> list[float]:
        """Decode, predict; Serve encodes."""
        predictions: list[float] = self.model.predict(np.array(await request.json(), np.float32)).tolist()
        return predictions


if __name__ == "__main__":
    port, processes = int(sys.argv[1]), int(sys.argv[2])
    ray.init(num_cpus=processes, include_dashboard=False, configure_logging=False, _temp_dir=os.environ["BENCH_RAY"])
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Linear.options(num_replicas=processes, ray_actor_options={"num_cpus": 0.5}).bind(), blocking=True)
