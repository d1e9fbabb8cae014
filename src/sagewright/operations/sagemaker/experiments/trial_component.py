"""Trial components: what one step was given, what came out of it, and how it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.experiments import experiment, links, trial, trial_component_metric
from sagewright.operations.sagemaker.experiments.named import declare
from sagewright.operations.sagemaker.lineage import association, lineage_group
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.sagemaker.noun import refuse_while, together
from sagewright.resources.record import Record
from sagewright.resources.trial_component import KIND, MAPS
from sagewright.store.base import Write
from sagewright.wire import model

_WHOLE: Final = ("DisplayName", "Status", "StartTime", "EndTime")


def _maps(record: Record) -> Params:
    """What users say, and what the job behind it tells. They are there also where they are empty: the SDK's data frames
    rely on it."""
    return {member: {**record.spec.get(member, {}), **record.status.get(member, {})} for member in MAPS}


NOUN: Final = declare(
    "TrialComponent",
    KIND,
    "Trial component",
    {"SourceArn": "Source.SourceArn"},
    {"SourceArn": "SourceArn"},
    _maps,
)
operations = NOUN.operations(but=("describe_trial_component", "list_trial_components"))


@operations
def create_trial_component(call: Call, request: Params) -> Params:
    _check_parameters(request)
    record = NOUN.create(call, request, status={"LineageGroupArn": lineage_group.default_arn(call)})
    return NOUN.answer(call, record)


@operations
def describe_trial_component(call: Call, request: Params) -> Params:
    record = NOUN.named(call, request)
    return project({**NOUN.view(record), **trial_component_metric.of_one(call, record)}, output_of(call))


@operations
def list_trial_components(call: Call, request: Params) -> Params:
    asked = dict(request)
    among = None
    if sum(member in request for member in ("ExperimentName", "TrialName", "SourceArn")) > 1:
        raise validation_error("Give at most one of ExperimentName, TrialName and SourceArn.")
    if "ExperimentName" in asked:
        owner = experiment.NOUN.find(call, asked.pop("ExperimentName"))
        among = links.components_of_experiment(call, owner.spec["ExperimentName"])
    if "TrialName" in asked:
        among = links.components_of_trial(call, trial.NOUN.find(call, asked.pop("TrialName")).name)
    if "SourceArn" in asked:
        asked["SourceArn"] = asked["SourceArn"].lower()  # as ARNs of jobs are
    return listing.page(call, asked, NOUN, among)


@operations
def update_trial_component(call: Call, request: Params) -> Params:
    """Entries of maps are laid over those that are there; those named in …ToRemove go."""
    _check_parameters(request)

    def update(record: Record) -> Record:
        spec = dict(record.spec)
        spec |= {member: request[member] for member in _WHOLE if member in request}
        for member in MAPS:
            kept = {**spec.get(member, {}), **request.get(member, {})}
            gone = request.get(f"{member}ToRemove", ())
            spec[member] = {key: value for key, value in kept.items() if key not in gone}
            _check_size(call, member, spec[member])
        return replace(record, spec={member: value for member, value in spec.items() if value != {}})

    return NOUN.answer(call, NOUN.amend(call, request["TrialComponentName"], update))


@operations
def delete_trial_component(call: Call, request: Params) -> Params:
    """Takes its metrics and its associations along."""

    def gone() -> Sequence[Write]:
        record = NOUN.named(call, request)
        sentence = f"Trial component {record.name} belongs to a trial. Disassociate it from all its trials first."
        refuse_while(call, validation_error(sentence), links.KIND, facets={"TrialComponentName": record.name})
        return (("delete", record), *(("delete", each) for each in association.touching(call, _arn(record))))

    answer = NOUN.answer(call, NOUN.named(call, request))
    deleted = together(call.store, gone)[0]
    call.services.metrics.components.forget(deleted.uid)
    return answer


def _arn(record: Record) -> str:
    return str(record.status["TrialComponentArn"])


def _check_parameters(request: Params) -> None:
    for name, value in request.get("Parameters", {}).items():
        if len(value) != 1:
            raise validation_error(f"Parameter {name!r} needs exactly one of StringValue and NumberValue.")


def _check_size(call: Call, member: str, entries: Mapping[str, Any]) -> None:
    shape = model.service("sagemaker").operation_model(call.operation).input_shape
    assert shape is not None
    most = shape.members[member].metadata["max"]
    if len(entries) > most:
        raise validation_error(f"A trial component may have {most} {member}; this would make {len(entries)}.")
