"""A training job that logs to the MLflow tracking server that MLFLOW_TRACKING_URI names."""

import os
from pathlib import Path

import mlflow

if __name__ == "__main__":
    rows = sum(len(path.read_text().splitlines()) for path in Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
    job = os.environ["TRAINING_JOB_NAME"]
    mlflow.set_experiment("jobs")
    with mlflow.start_run():
        mlflow.set_tag("job", job)
        mlflow.log_param("source", "train")
        mlflow.log_metric("rows", rows)
        mlflow.log_dict({"job": job}, "told.json")
