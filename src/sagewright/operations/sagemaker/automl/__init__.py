"""Autopilot."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={"automl-job": "auto_ml_job"},
    others=("auto_ml_job_v2", "candidates"),
    kept=(
        "auto_ml_job",
        "auto_ml_job_v2",
        "candidates",
    ),
    unbuilt={
        "CreateAutoMLJob": "search for models by itself (Autopilot)",
        "CreateAutoMLJobV2": "search for models by itself (Autopilot)",
    },
)
