"""What search results hold of other records: a trial's components, a component's trials, a model's endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import nouns
from sagewright.operations.sagemaker.experiments import links, trial_component_metric
from sagewright.operations.sagemaker.listing import every
from sagewright.operations.sagemaker.pipelines import pipeline
from sagewright.operations.sagemaker.registry import model_card_content
from sagewright.resources.record import Record
from sagewright.store.base import Query

Members = Callable[[Record], Params]

_SOURCES: Final = {
    "training-job": "TrainingJob",
    "processing-job": "ProcessingJob",
    "transform-job": "TransformJob",
}


def of_trials(call: Call) -> Members:
    def members(trial: Record) -> Params:
        found = [
            {
                "TrialComponentName": component.spec["TrialComponentName"],
                "TrialComponentArn": component.status["TrialComponentArn"],
                "CreationTime": component.created,
                "CreatedBy": component.status["CreatedBy"],
            }
            for component in links.components_of_trial(call, trial.name)
        ]
        return {"TrialComponentSummaries": found or None}

    return members


def of_trial_components(call: Call) -> Members:
    def members(component: Record) -> Params:
        parents = [
            {"TrialName": trial.spec["TrialName"], "ExperimentName": trial.spec["ExperimentName"]}
            for trial in links.trials_of(call, component.name)
        ]
        metrics = trial_component_metric.of_one(call, component)
        return {"Parents": parents or None, **metrics, "SourceDetail": _source(call, component)}

    return members


def of_models(call: Call) -> Members:
    endpoints: dict[str, list[Params]] = {}
    noun = nouns.NOUNS.load("endpoint")
    for endpoint in every(call, Query(call.account, call.region, noun.kind)):
        for name in endpoint.spec.get("models", ()):
            endpoints.setdefault(name, []).append(noun.view(endpoint))

    def members(model: Record) -> Params:
        return {"Endpoints": endpoints.get(model.name)}

    return members


def of_model_cards(_call: Call) -> Members:
    paths = {
        "ModelId": "model_overview.model_id",
        "RiskRating": "intended_uses.risk_rating",
        "ModelPackageGroupName": "model_package_details.model_package_group_name",
    }

    def members(card: Record) -> Params:
        found = {member: model_card_content.field(card.spec["Content"], path) for member, path in paths.items()}
        return {member: value if isinstance(value, str) else None for member, value in found.items()}

    return members


def of_pipeline_versions(call: Call) -> Members:
    def members(version: Record) -> Params:
        of = call.store.get(call.key(pipeline.NOUN.kind, version.key.parent))
        aliases = [] if of is None else pipeline.aliases_of(of, version)
        return {"PipelineVersionAliases": aliases or None, **_last_execution(call, version)}

    return members


def _last_execution(call: Call, version: Record) -> Params:
    query = Query(
        call.account,
        call.region,
        pipeline.EXECUTION,
        parent=version.key.parent,
        facets={"PipelineVersionId": str(version.status["PipelineVersionId"])},
        sort_by="created",
        descending=True,
    )
    for execution in call.store.list(query, limit=1).records:
        return {
            "LastExecutedPipelineExecutionArn": execution.status["PipelineExecutionArn"],
            "LastExecutedPipelineExecutionDisplayName": execution.spec["PipelineExecutionDisplayName"],
            "LastExecutedPipelineExecutionStatus": execution.state,
        }
    return {}


def _source(call: Call, component: Record) -> Params | None:
    arn = component.status.get("Source", {}).get("SourceArn")
    if arn is None:
        return None
    source = nouns.find_by_arn(call.store, arn, call.account)
    member = None if source is None else _SOURCES.get(source.key.kind)
    if source is None or member is None:
        return {"SourceArn": arn}
    return {"SourceArn": arn, member: nouns.NOUNS.load(source.key.kind).view(source)}
