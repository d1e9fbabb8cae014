"""Training jobs."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "training-job": "training_job",
    },
)
