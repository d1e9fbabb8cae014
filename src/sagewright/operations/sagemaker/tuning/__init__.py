"""Automatic model tuning."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(nouns={"hyper-parameter-tuning-job": "hyper_parameter_tuning_job"})
