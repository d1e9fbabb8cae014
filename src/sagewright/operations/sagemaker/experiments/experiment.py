"""Experiments: what trials belong to."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.experiments.named import declare
from sagewright.operations.sagemaker.noun import refuse_while
from sagewright.resources.record import Record

TRIAL: Final = "experiment-trial"
NOUN: Final = declare("Experiment", "experiment", "Experiment", {}, {})
operations = NOUN.operations()


@operations
def create_experiment(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.create(call, request))


@operations
def update_experiment(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.merge(call, request))


@operations
def delete_experiment(call: Call, request: Params) -> Params:
    def empty(record: Record) -> None:
        sentence = f"Experiment {record.name} has trials. Delete them first; ListTrials names them."
        facets = {"ExperimentName": record.spec["ExperimentName"]}
        refuse_while(call, validation_error(sentence), TRIAL, facets=facets)

    record = NOUN.named(call, request)
    NOUN.remove(call, record, empty)
    return NOUN.answer(call, record)
