"""Trials: the components that were made and tried out together, within one experiment."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.experiments import experiment, links
from sagewright.operations.sagemaker.experiments.named import declare
from sagewright.operations.sagemaker.noun import refuse_while
from sagewright.resources.record import Record

_FACETS: Final = {"ExperimentName": "ExperimentName"}
NOUN: Final = declare("Trial", experiment.TRIAL, "Trial", _FACETS, {name: name for name in _FACETS})
operations = NOUN.operations(but=("list_trials",))


@operations
def create_trial(call: Call, request: Params) -> Params:
    own = experiment.NOUN.named(call, request).spec["ExperimentName"]
    record = NOUN.create(call, {**request, "ExperimentName": own}, under=lambda: experiment.NOUN.named(call, request))
    return NOUN.answer(call, record)


@operations
def update_trial(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.merge(call, request))


@operations
def list_trials(call: Call, request: Params) -> Params:
    asked = dict(request)
    if "ExperimentName" in asked:
        asked["ExperimentName"] = experiment.NOUN.named(call, request).spec["ExperimentName"]
    component = asked.pop("TrialComponentName", None)
    among = None if component is None else links.trials_of(call, component)
    return listing.page(call, asked, NOUN, among)


@operations
def delete_trial(call: Call, request: Params) -> Params:
    def empty(record: Record) -> None:
        sentence = f"Trial {record.name} has trial components. Disassociate or delete them first."
        refuse_while(call, validation_error(sentence), links.KIND, parent=record.name)

    record = NOUN.named(call, request)
    NOUN.remove(call, record, empty)
    return NOUN.answer(call, record)
