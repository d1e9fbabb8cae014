"""`python -m sagewright_container.training.tensorflow_server`: a parameter server, until it is ended."""

from __future__ import annotations

import json
import os

import tensorflow as tf


def main() -> None:
    """Serve as the task that TF_CONFIG names."""
    told = json.loads(os.environ["TF_CONFIG"])
    task = told["task"]
    tf.distribute.Server(told["cluster"], job_name=task["type"], task_index=task["index"]).join()


if __name__ == "__main__":
    main()
