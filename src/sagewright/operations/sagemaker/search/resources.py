"""What can be searched for: the records behind each resource, and what its results hold beyond them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from botocore.model import MapShape, StructureShape

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.experiments import experiment, links
from sagewright.operations.sagemaker.features import feature_metadata
from sagewright.operations.sagemaker.listing import project
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.sagemaker.nouns import NOUNS
from sagewright.operations.sagemaker.search import related
from sagewright.operations.sagemaker.search.document import by_name
from sagewright.operations.sagemaker.search.related import More
from sagewright.resources.record import Record
from sagewright.resources.trial_component import KIND
from sagewright.store.base import Query
from sagewright.wire import model

_BY_NAME: Final = ("Tags", "AllTags", "Metrics", "AllParameters")
"""Properties that documents have and results do not."""


@dataclass(frozen=True, slots=True)
class Found:
    """One result."""

    record: Record
    result: Params
    """As the client gets it."""
    document: Mapping[str, Any]
    """As expressions see it."""
    name: str
    """What tells it from others, with the record's parent."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One value of Search's Resource."""

    member: str
    """Where its result stands in a SearchRecord."""
    kind: str
    more: Mapping[str, More] = field(default_factory=dict)
    """Members of a result that a record's view does not have, and who knows them."""
    narrow: Mapping[str, Callable[[Call, str], Iterable[Record]]] = field(default_factory=dict)
    """Properties by which records are found without looking at all of them, beyond the noun's name and facets."""
    named: bool = True
    """Whether records are kept under what the noun's name member says."""

    @property
    def noun(self) -> Noun:
        return NOUNS.load(self.kind)

    @property
    def shape(self) -> StructureShape:
        shape = _results().members[self.member]
        assert isinstance(shape, StructureShape)
        return shape

    @property
    def maps(self) -> Collection[str]:
        """The members of a result that are maps."""
        return _maps(self.shape)

    def properties(self) -> frozenset[str]:
        """The first steps that a path may have, in lower case."""
        inner = self.shape.members["Model"] if self.member == "Model" else None
        own = inner.members if isinstance(inner, StructureShape) else {}
        return frozenset(name.lower() for name in (*self.shape.members, *own, *_BY_NAME))

    def candidates(self, call: Call, equalities: Iterable[tuple[str, str]]) -> Iterable[Record]:
        """Records among which are all that have these values; all of them where no index helps."""
        noun = self.noun
        given = dict(equalities)
        if self.named and noun.name_member in given:
            wanted = given[noun.name_member]
            return call.store.every(Query(call.account, call.region, noun.kind, name_ignoring_case=wanted))
        for name in self.narrow:
            if name in given:
                return self.narrow[name](call, given[name])
        # An ARN may be written in any case, and of several one is meant.
        plain = {name: value for name, value in given.items() if not value.lower().startswith("arn:")}
        facets = {facet: plain[path] for facet, path in noun.facets.items() if path in plain}
        return call.store.every(Query(call.account, call.region, noun.kind, facets=facets))

    def found(self, call: Call, records: Iterable[Record], asked: Collection[str] | None = None) -> Iterator[Found]:
        """Each record as a result; of what its view does not have, only what is `asked` for (in lower case)."""
        wanted = [more for member, more in self.more.items() if asked is None or member.lower() in asked]
        known = [more(call) for more in dict.fromkeys(wanted)]
        left = iter(records)
        while some := list(islice(left, related.AT_ONCE)):
            members = [of(some) for of in known]
            yield from self._found(some, {r.uid: {k: v for of in members for k, v in of[r.uid].items()} for r in some})

    def _found(self, records: Iterable[Record], more: Mapping[str, Params]) -> Iterator[Found]:
        for record in records:
            if self.member == "FeatureMetadata":
                for definition in record.spec["FeatureDefinitions"]:
                    result = project(feature_metadata.view(record, definition), self.shape)
                    yield Found(record, result, by_name(result), f"{record.name}/{definition['FeatureName']}")
                continue
            view = self.noun.view(record)
            tags = [{"Key": key, "Value": value} for key, value in record.tags.items()]
            view |= {"Tags": tags or None, **more[record.uid]}
            yield self._of_model(record, view) if self.member == "Model" else self._plain(record, view)

    def _plain(self, record: Record, view: Params) -> Found:
        result = project(view, self.shape)
        return Found(record, result, by_name(result, self.maps), record.name)

    def _of_model(self, record: Record, view: Params) -> Found:
        """A model's own members stand one step further down; paths lead to them with and without that step."""
        inner = self.shape.members["Model"]
        assert isinstance(inner, StructureShape)
        own = project(view, inner)
        result = project({**view, "Model": own}, self.shape)
        return Found(record, result, by_name({**own, **result}), record.name)


def _of_trial(call: Call, trial: str) -> Sequence[Record]:
    return links.components_of_trial(call, trial)


def _of_source(call: Call, arns: str) -> Iterable[Record]:
    for arn in arns.lower().split(","):
        yield from call.store.every(Query(call.account, call.region, KIND, facets={"SourceArn": arn}))


def _of_experiment(call: Call, name: str) -> Sequence[Record]:
    found = call.store.get(experiment.NOUN.key(call, name))
    return [] if found is None else links.components_of_experiment(call, found.spec["ExperimentName"])


_RESOURCES: Final[Mapping[str, Resource]] = {
    "TrainingJob": Resource("TrainingJob", "training-job"),
    "Experiment": Resource("Experiment", "experiment"),
    "ExperimentTrial": Resource("Trial", "experiment-trial", related.OF_TRIALS),
    "ExperimentTrialComponent": Resource(
        "TrialComponent",
        "experiment-trial-component",
        related.OF_TRIAL_COMPONENTS,
        {"Source.SourceArn": _of_source, "Parents.TrialName": _of_trial, "Parents.ExperimentName": _of_experiment},
    ),
    "Endpoint": Resource("Endpoint", "endpoint"),
    "Model": Resource("Model", "model", related.OF_MODELS),
    "ModelPackage": Resource("ModelPackage", "model-package"),
    "ModelPackageGroup": Resource("ModelPackageGroup", "model-package-group"),
    "Pipeline": Resource("Pipeline", "pipeline"),
    "PipelineExecution": Resource("PipelineExecution", "pipeline/execution", named=False),
    "PipelineVersion": Resource("PipelineVersion", "pipeline-version", related.OF_PIPELINE_VERSIONS, named=False),
    "FeatureGroup": Resource("FeatureGroup", "feature-group"),
    "FeatureMetadata": Resource("FeatureMetadata", "feature-group"),
    "Project": Resource("Project", "project"),
    "HyperParameterTuningJob": Resource("HyperParameterTuningJob", "hyper-parameter-tuning-job"),
    "ModelCard": Resource("ModelCard", "model-card", related.OF_MODEL_CARDS),
    "Job": Resource("Job", "job"),
    "HubContent": Resource("HubContent", "hub-content", named=False),
}


def resource(name: str) -> Resource:
    """Raises a ValidationException for those whose results have no shape."""
    found = _RESOURCES.get(name)
    if found is None:
        raise validation_error(f"Results of the resource {name} have no shape in Search. Use List{name}s.")
    return found


@functools.cache
def _maps(shape: StructureShape) -> Collection[str]:
    return [member for member, inner in shape.members.items() if isinstance(inner, MapShape)]


@functools.cache
def _results() -> StructureShape:
    output = model.service("sagemaker").operation_model("Search").output_shape
    assert output is not None
    shape = output.members["Results"].member  # type: ignore[attr-defined]
    assert isinstance(shape, StructureShape)
    return shape
