"""What search results hold of other records: a trial's components, a component's trials, a model's endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import nouns
from sagewright.operations.sagemaker.experiments import links, trial_component_metric
from sagewright.operations.sagemaker.pipelines import pipeline
from sagewright.operations.sagemaker.registry import model_card_content
from sagewright.resources.record import Record
from sagewright.store.base import Query

AT_ONCE: Final = 500
"""Records that are looked at together."""

Known = Callable[[Sequence[Record]], Mapping[str, Params]]
"""From records to members of their results, by the records' uids."""
More = Callable[[Call], Known]
"""Made once for a search."""

_SOURCES: Final = {
    "training-job": "TrainingJob",
    "processing-job": "ProcessingJob",
    "transform-job": "TransformJob",
}


def _each(of: Callable[[Record], Params]) -> Known:
    return lambda records: {record.uid: of(record) for record in records}


def _components(call: Call) -> Known:
    def of(trial: Record) -> Params:
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

    return _each(of)


def _parents(call: Call) -> Known:
    """One by one for a few components; for many, all the links that there are are read once."""
    all_links: dict[str, list[Record]] | None = None
    trials: dict[str, Record | None] = {}

    def parent(trial: str) -> Record | None:
        if trial not in trials:
            trials[trial] = links.trial_of(call, trial)
        return trials[trial]

    def known(components: Sequence[Record]) -> Mapping[str, Params]:
        nonlocal all_links
        if all_links is None and len(components) == AT_ONCE:
            all_links = {}
            for link in links.everything(call):
                all_links.setdefault(link.name, []).append(link)
        found = {}
        for component in components:
            own = links.of_component(call, component.name) if all_links is None else all_links.get(component.name, ())
            above = [trial for link in own if (trial := parent(link.key.parent)) is not None]
            members = [{member: trial.spec[member] for member in ("TrialName", "ExperimentName")} for trial in above]
            found[component.uid] = {"Parents": members or None}
        return found

    return known


def _metrics(call: Call) -> Known:
    return lambda components: trial_component_metric.of_many(call, components)


def _source(call: Call) -> Known:
    def of(component: Record) -> Params:
        arn = component.status.get("Source", {}).get("SourceArn")
        if arn is None:
            return {}
        source = nouns.find_by_arn(call.store, arn, call.account)
        member = None if source is None else _SOURCES.get(source.key.kind)
        if source is None or member is None:
            return {"SourceDetail": {"SourceArn": arn}}
        return {"SourceDetail": {"SourceArn": arn, member: nouns.NOUNS.load(source.key.kind).view(source)}}

    return _each(of)


def _endpoints(call: Call) -> Known:
    endpoints: dict[str, list[Params]] = {}
    noun = nouns.NOUNS.load("endpoint")
    for endpoint in call.store.every(Query(call.account, call.region, noun.kind)):
        for name in endpoint.spec.get("models", ()):
            endpoints.setdefault(name, []).append(noun.view(endpoint))
    return _each(lambda model: {"Endpoints": endpoints.get(model.name)})


_CARD: Final = {
    "ModelId": "model_overview.model_id",
    "RiskRating": "intended_uses.risk_rating",
    "ModelPackageGroupName": "model_package_details.model_package_group_name",
}


def _card(_call: Call) -> Known:
    def of(card: Record) -> Params:
        found = {member: model_card_content.field(card.spec["Content"], path) for member, path in _CARD.items()}
        return {member: value if isinstance(value, str) else None for member, value in found.items()}

    return _each(of)


def _aliases(call: Call) -> Known:
    def of(version: Record) -> Params:
        above = call.store.get(call.key(pipeline.NOUN.kind, version.key.parent))
        return {"PipelineVersionAliases": (None if above is None else pipeline.aliases_of(above, version)) or None}

    return _each(of)


def _execution(call: Call) -> Known:
    return _each(lambda version: _last_execution(call, version))


_EXECUTED: Final = "LastExecutedPipelineExecution"

OF_TRIALS: Final[Mapping[str, More]] = {"TrialComponentSummaries": _components}
OF_TRIAL_COMPONENTS: Final[Mapping[str, More]] = {"Parents": _parents, "Metrics": _metrics, "SourceDetail": _source}
OF_MODELS: Final[Mapping[str, More]] = {"Endpoints": _endpoints}
OF_MODEL_CARDS: Final[Mapping[str, More]] = dict.fromkeys(_CARD, _card)
OF_PIPELINE_VERSIONS: Final[Mapping[str, More]] = {
    "PipelineVersionAliases": _aliases,
    **dict.fromkeys((f"{_EXECUTED}Arn", f"{_EXECUTED}DisplayName", f"{_EXECUTED}Status"), _execution),
}


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
            f"{_EXECUTED}Arn": execution.status["PipelineExecutionArn"],
            f"{_EXECUTED}DisplayName": execution.spec["PipelineExecutionDisplayName"],
            f"{_EXECUTED}Status": execution.state,
        }
    return {}
