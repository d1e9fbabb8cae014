"""The quality of what models predict, once the truth is known."""

from typing import Final

from sagewright.operations.sagemaker.monitoring.job_definition import declare, operations_of

NOUN: Final = declare("ModelQuality")
operations = operations_of(NOUN)
