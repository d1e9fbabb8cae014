"""Which components belong to which trials: a record per pair, under the trial, named after the component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sagewright.operations.call import Call
from sagewright.resources.record import Record
from sagewright.store.base import Query

KIND: Final = "trial-component-link"
_TRIAL: Final = "experiment-trial"
_COMPONENT: Final = "experiment-trial-component"


def new(call: Call, trial: Record, component: Record) -> Record:
    """The link between the two, not written down yet."""
    return Record(
        key=call.key(KIND, component.name, trial.name),
        uid=call.services.ids.token(),
        created=call.now,
        modified=call.now,
        facets={"TrialComponentName": component.name, "ExperimentName": trial.spec["ExperimentName"]},
    )


def of_component(call: Call, component: str) -> Sequence[Record]:
    """The links of a component, by its name in lower case."""
    return _all(call, facets={"TrialComponentName": component})


def of_trial(call: Call, trial: str) -> Sequence[Record]:
    """The links of a trial, by its name in lower case."""
    query = Query(call.account, call.region, KIND, parent=trial)
    return list(call.store.every(query))


def everything(call: Call) -> Iterator[Record]:
    """All links that there are."""
    return call.store.every(Query(call.account, call.region, KIND))


def trial_of(call: Call, name: str) -> Record | None:
    """The trial that a link stands under."""
    return call.store.get(call.key(_TRIAL, name))


def trials_of(call: Call, component: str) -> Sequence[Record]:
    """The trials that a component belongs to."""
    found = (trial_of(call, link.key.parent) for link in of_component(call, component.lower()))
    return [trial for trial in found if trial is not None]


def components_of_trial(call: Call, trial: str) -> Sequence[Record]:
    return _components(call, of_trial(call, trial.lower()))


def components_of_experiment(call: Call, experiment: str) -> Sequence[Record]:
    """The components of all its trials, each once. The name is spelled as the experiment's record has it."""
    return _components(call, _all(call, facets={"ExperimentName": experiment}))


def _all(call: Call, facets: dict[str, str]) -> Sequence[Record]:
    return list(call.store.every(Query(call.account, call.region, KIND, facets=facets)))


def _components(call: Call, links: Iterable[Record]) -> Sequence[Record]:
    names = dict.fromkeys(link.name for link in links)
    found = (call.store.get(call.key(_COMPONENT, name)) for name in names)
    return [component for component in found if component is not None]
