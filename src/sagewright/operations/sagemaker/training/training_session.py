"""Training sessions: fine-tuning step by step from a client."""

from __future__ import annotations

from typing import Final, cast

from botocore.model import StructureShape

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.job import Job
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.table import Operations

NOUN: Final = Noun(
    "TrainingSession", "training-session", resource_not_found("Training session"), resource_in_use("Training session")
)
_JOB: Final = Job(
    NOUN, "training session", first="Created", stopped="Terminated", over=("Terminated", "Failed", "Blocked")
)
operations = Operations()
for _name, _handler in _JOB.operations().handlers.items():
    if _name != "describe_training_session":
        operations.add(_name, _handler)


@operations
def describe_training_session(call: Call, request: Params) -> Params:
    record = NOUN.named(call, request)
    tags = [{"Key": key, "Value": value} for key, value in record.tags.items()]
    detail = cast(StructureShape, output_of(call).members["TrainingSessionDetail"])
    return {"TrainingSessionDetail": project({**NOUN.view(record), **({"Tags": tags} if tags else {})}, detail)}
