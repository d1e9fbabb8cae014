"""Executions of pipelines. Nothing runs them yet: their records are kept from their first state on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.listing import output_of, project, sliced
from sagewright.operations.sagemaker.noun import Noun, resource_not_found, together
from sagewright.operations.sagemaker.pipelines import definition, pipeline
from sagewright.operations.table import Operations
from sagewright.resources.arn import sagemaker_arn
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

_LAST: Final = ("Stopped", "Failed", "Succeeded", "CompletedWithFailures")


def _computed(record: Record) -> Params:
    return {"StartTime": record.created, "PipelineExecutionFailureReason": record.status.get("FailureReason")}


NOUN: Final = Noun(
    "PipelineExecution",
    pipeline.EXECUTION,
    resource_not_found("PipelineExecution"),
    resource_not_found("PipelineExecution"),
    name_member="PipelineExecutionArn",
    parents=("PipelineName",),
    facets={
        "Arn": "PipelineExecutionArn",
        "ClientRequestToken": "ClientRequestToken",
        "PipelineVersionId": "PipelineVersionId",
    },
    filters={"PipelineVersionId": "PipelineVersionId"},
    sorts={"PipelineExecutionArn": "PipelineExecutionArn"},
    also=_computed,
)
operations = Operations()


@operations
def start_pipeline_execution(call: Call, request: Params) -> Params:
    """A request that repeats an earlier one's token gets the execution that it started."""
    if "RoleArn" in request:
        raise validation_error("A pipeline of one's own is executed under its own role. Leave RoleArn out.")
    name = call.services.ids.token(12)

    def started() -> Sequence[Write]:
        of = pipeline.NOUN.named(call, request)
        if _started_by(call, of, request) is not None:
            raise AlreadyExists
        execution = _new(call, of, request, name)
        return (("create", execution), ("update", replace(of, status={**of.status, "LastRunTime": call.now})))

    try:
        return NOUN.answer(call, together(call.store, started)[0])
    except AlreadyExists:
        earlier = _started_by(call, pipeline.NOUN.named(call, request), request)
        if earlier is None:
            raise AwsError("ConflictException", "The pipeline was just changed. Try again.") from None
        return NOUN.answer(call, earlier)


@operations
def describe_pipeline_execution(call: Call, request: Params) -> Params:
    return project(NOUN.view(_find(call, request)), output_of(call))


@operations
def describe_pipeline_definition_for_execution(call: Call, request: Params) -> Params:
    execution = _find(call, request)
    of = pipeline.NOUN.find(call, execution.key.parent)
    version = pipeline.version(call, of, execution.spec["PipelineVersionId"])
    return {"PipelineDefinition": version.spec["PipelineDefinition"], "CreationTime": version.created}


@operations
def list_pipeline_executions(call: Call, request: Params) -> Params:
    of = pipeline.NOUN.named(call, request)
    asked = {**request, "PipelineName": of.name}
    if "PipelineVersionAlias" in asked:
        asked["PipelineVersionId"] = pipeline.with_alias(of, asked.pop("PipelineVersionAlias"))
    return listing.page(call, asked, NOUN)


@operations
def list_pipeline_parameters_for_execution(call: Call, request: Params) -> Params:
    return sliced(_find(call, request).spec.get("PipelineParameters", []), request, "PipelineParameters")


@operations
def update_pipeline_execution(call: Call, request: Params) -> Params:
    arn = _find(call, request).status["PipelineExecutionArn"]
    given = {member: value for member, value in request.items() if member != "PipelineExecutionArn"}
    return NOUN.answer(call, NOUN.amend(call, arn, lambda record: replace(record, spec={**record.spec, **given})))


@operations
def stop_pipeline_execution(call: Call, request: Params) -> Params:
    """None of its steps runs, so it is over at once."""

    def stop(record: Record) -> Record:
        if record.state in _LAST:
            raise AwsError("ConflictException", f"The pipeline execution is over: it is {record.state}.")
        return replace(record, state="Stopped", intent="stop")

    return NOUN.answer(call, NOUN.amend(call, request["PipelineExecutionArn"], stop))


@operations
def retry_pipeline_execution(call: Call, request: Params) -> Params:
    given = {member: value for member, value in request.items() if member == "ParallelismConfiguration"}

    def again(record: Record) -> Record:
        if record.state not in ("Failed", "Stopped"):
            raise AwsError("ConflictException", f"An execution that is {record.state} cannot be tried again.")
        return replace(record, spec={**record.spec, **given}, state="Executing", intent="run")

    return NOUN.answer(call, NOUN.amend(call, request["PipelineExecutionArn"], again))


def _find(call: Call, request: Params) -> Record:
    return NOUN.find(call, request["PipelineExecutionArn"])


def _new(call: Call, of: Record, request: Params, name: str) -> Record:
    version = pipeline.version(call, of, pipeline.chosen(of, request))
    known = definition.read(version.spec["PipelineDefinition"])
    values = definition.given(known, request.get("PipelineParameters", ()))
    selected = request.get("SelectiveExecutionConfig", {"SelectedSteps": ()})
    unknown = sorted({each["StepName"] for each in selected["SelectedSteps"]} - set(known.steps))
    if unknown:
        raise validation_error(f"The pipeline has no step {', '.join(unknown)}.")
    if "SourcePipelineExecutionArn" in selected:
        NOUN.find(call, selected["SourcePipelineExecutionArn"])
    own = {member: of.spec[member] for member in ("RoleArn", "ParallelismConfiguration") if member in of.spec}
    spec = {
        "PipelineExecutionDisplayName": f"execution-{int(call.now * 1000)}",
        **own,
        **{member: value for member, value in request.items() if member != "PipelineVersionAlias"},
        "PipelineName": of.name,
        "PipelineParameters": [{"Name": key, "Value": value} for key, value in values.items()],
        "PipelineVersionId": version.status["PipelineVersionId"],
    }
    aliases = pipeline.aliases_of(of, version)
    status = {
        "PipelineArn": of.status["PipelineArn"],
        **({"PipelineVersionAliases": aliases} if aliases else {}),
    }
    arn = sagemaker_arn(call.region, call.account, "pipeline", f"{of.name}/execution/{name}")
    return NOUN.new(call, spec, name=name, arn=arn, state="Executing", status=status)


def _started_by(call: Call, of: Record, request: Params) -> Record | None:
    """The execution that an earlier request with this token started."""
    facets = {"ClientRequestToken": request["ClientRequestToken"]}
    query = Query(call.account, call.region, NOUN.kind, parent=of.name, facets=facets)
    return next(iter(call.store.list(query, limit=1).records), None)
