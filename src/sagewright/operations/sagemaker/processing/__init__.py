"""Processing jobs."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(nouns={"processing-job": "processing_job"})
