"""The weight of features in what models predict."""

from typing import Final

from sagewright.operations.sagemaker.monitoring.job_definition import declare, operations_of

NOUN: Final = declare("ModelExplainability")
operations = operations_of(NOUN)
