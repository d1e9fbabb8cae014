"""The bias of what models predict."""

from typing import Final

from sagewright.operations.sagemaker.monitoring.job_definition import declare, operations_of

NOUN: Final = declare("ModelBias")
operations = operations_of(NOUN)
