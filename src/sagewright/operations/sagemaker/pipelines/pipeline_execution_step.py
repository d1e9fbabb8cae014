"""Steps of executions. None of them starts yet, so none is listed, and nobody waits for a callback."""

from __future__ import annotations

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import sliced
from sagewright.operations.sagemaker.pipelines import pipeline_execution
from sagewright.operations.table import Operations

operations = Operations()


@operations
def list_pipeline_execution_steps(call: Call, request: Params) -> Params:
    if "PipelineExecutionArn" not in request:
        raise validation_error("PipelineExecutionArn is required: it says whose steps are meant.")
    execution = pipeline_execution.NOUN.find(call, request["PipelineExecutionArn"])
    steps = list(execution.status.get("steps", ()))
    if request.get("SortOrder", "Descending") == "Descending":
        steps.reverse()
    return sliced(steps, request, "PipelineExecutionSteps")


@operations
def send_pipeline_execution_step_success(call: Call, request: Params) -> Params:
    raise _nobody_waits(request)


@operations
def send_pipeline_execution_step_failure(call: Call, request: Params) -> Params:
    raise _nobody_waits(request)


def _nobody_waits(request: Params) -> AwsError:
    return AwsError("ResourceNotFound", f"No callback step waits with the token {request['CallbackToken']}.")
