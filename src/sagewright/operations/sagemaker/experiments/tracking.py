"""ExperimentConfig of jobs: the trial component that each job has, and where it belongs.

For the operation that creates any kind of job that has one (`resources/trial_component.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.experiments import experiment, links, trial, trial_component
from sagewright.operations.sagemaker.noun import Noun, who
from sagewright.resources import trial_component as components
from sagewright.resources.record import Record
from sagewright.store.base import Write

_SOURCE: Final = "Source"
_MOST_SOURCES: Final = 500
"""Jobs that a run tells of, the newest."""


def tracked(call: Call, job: Record) -> Sequence[Write]:
    """What is written along with a new job: its component, and its place in the trial that ExperimentConfig names.

    Without ExperimentConfig the component belongs to no trial. Raises a ValidationException for an experiment, a trial
    or a run that is not there.
    """
    return list(_along(call, job, job.spec.get("ExperimentConfig") or {}))


def _along(call: Call, job: Record, config: Params) -> Iterator[Write]:
    component = _component(call, job, config)
    earlier = call.store.get(component.key)
    if earlier is not None and _SOURCE not in earlier.status:  # a user's, who chose that name: it becomes the job's
        maps = {member: {**earlier.spec[member], **value} for member, value in component.spec.items()
                if member in components.MAPS and member in earlier.spec}  # fmt: skip
        spec = {**earlier.spec, **component.spec, **maps}
        yield "update", replace(earlier, spec=spec, status=component.status, facets=component.facets, modified=call.now)
    else:
        if earlier is not None:  # of a job of the same name, which was deleted
            yield "delete", earlier
        yield "create", component
    yield from _in_trial(call, job, component, config)
    if "RunName" in config:
        run = _there(call, trial_component.NOUN, "RunName", config)
        sources = [*run.status.get("Sources", ()), components.source(job)][-_MOST_SOURCES:]
        yield "update", replace(run, status={**run.status, "Sources": sources})


def _component(call: Call, job: Record, config: Params) -> Record:
    made = components.new(job, uid=call.services.ids.token(), display_name=config.get("TrialComponentDisplayName"))
    return replace(made, status={**made.status, "CreatedBy": who(call)})


def _in_trial(call: Call, job: Record, component: Record, config: Params) -> Iterator[Write]:
    """Its link to a trial. Where an experiment is named and no trial, a trial is made for the job."""
    if "TrialName" not in config and "ExperimentName" not in config:
        return
    owner = _there(call, experiment.NOUN, "ExperimentName", config) if "ExperimentName" in config else None
    if "TrialName" in config:
        within = _there(call, trial.NOUN, "TrialName", config)
        if owner is not None and within.spec["ExperimentName"].lower() != owner.name:
            raise validation_error(
                f"Trial {within.name} belongs to experiment {within.spec['ExperimentName']}, not to {owner.name}."
            )
        yield "update", within
    else:
        assert owner is not None
        members = {"TrialName": f"{job.name}-aws-trial", "ExperimentName": owner.spec["ExperimentName"]}
        within = trial.NOUN.new(call, members)
        earlier = call.store.get(within.key)
        if earlier is not None and earlier.spec["ExperimentName"].lower() != owner.name:
            raise validation_error(f"Trial {within.name} belongs to another experiment. Name a trial in TrialName.")
        yield ("create", within) if earlier is None else ("update", earlier)
        yield "update", owner
    link = links.new(call, within, component)
    if call.store.get(link.key) is None:
        yield "create", link


def _there(call: Call, noun: Noun, member: str, config: Params) -> Record:
    try:
        return noun.find(call, config[member])
    except AwsError as missing:
        raise validation_error(f"ExperimentConfig.{member}: {missing}") from None
