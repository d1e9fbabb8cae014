"""The quality of the data that endpoints are asked with."""

from typing import Final

from sagewright.operations.sagemaker.monitoring.job_definition import declare, operations_of

NOUN: Final = declare("DataQuality")
operations = operations_of(NOUN)
