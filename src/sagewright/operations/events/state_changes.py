"""SageMaker's state changes as events: which nouns tell theirs, and in which words.

`Announcing` is the store that everybody writes through. A write that changes what is announced of a record takes the
deliveries of its event along, so each change is told once, whatever is killed; without a rule it costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sagewright.dataplane.alarms.changing import stamp
from sagewright.dataplane.events.bus import Bus
from sagewright.operations.sagemaker.listing import at, project
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.sagemaker.nouns import NOUNS
from sagewright.resources.endpoint import variants
from sagewright.resources.record import Key, Record
from sagewright.store.base import Page, Query, Store, Write
from sagewright.telemetry.events import Event
from sagewright.wire import model


@dataclass(frozen=True, slots=True)
class StateChange:
    """How a noun's changes are told."""

    detail_type: str
    marks: Sequence[str] = ()
    """What is told of beside the state: paths into the view."""
    changed: Callable[[Record, Record | None, Noun], Mapping[str, Any]] | None = None
    """The detail, where it is not what Describe… says: from the record, what it was, and the noun."""
    of: Callable[[Record], Any] | None = None
    """What is told of in place of the state; nothing is told while it is empty."""


def _endpoint(record: Record, _before: Record | None, noun: Noun) -> Mapping[str, Any]:
    """Endpoints tell their status as `IN_SERVICE`."""
    detail = _described(record, noun)
    return {**detail, "EndpointStatus": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", record.state).upper()}


def _stages(record: Record) -> Any:
    """How far the variants of a deployment are."""
    pending = record.status.get("PendingDeploymentSummary", {}) if record.state == "Updating" else {}
    return [(each["VariantName"], each.get("VariantStatus")) for each in variants(pending)]


def _execution(record: Record, before: Record | None, noun: Noun) -> Mapping[str, Any]:
    """Pipelines speak of themselves in camel case."""
    view = noun.view(record)
    told = {
        "pipelineArn": view.get("PipelineArn"),
        "pipelineExecutionArn": view.get(noun.arn_member),
        "pipelineExecutionDisplayName": view.get("PipelineExecutionDisplayName"),
        "pipelineExecutionDescription": view.get("PipelineExecutionDescription"),
        "currentPipelineExecutionStatus": record.state,
        "previousPipelineExecutionStatus": before.state if before is not None else None,
        "executionStartTime": _iso_millis(record.created),
        "executionEndTime": _iso_millis(record.modified) if record.state in _ENDED else None,
    }
    return {member: value for member, value in told.items() if value is not None}


_ENDED: Final = ("Succeeded", "Failed", "Stopped")

TABLE: Final[Mapping[str, StateChange]] = {
    # Add a noun here: the resource type in its ARN (the kind of its records), and how EventBridge calls its event.
    "training-job": StateChange("SageMaker Training Job State Change", marks=("SecondaryStatus",)),
    "hyper-parameter-tuning-job": StateChange("SageMaker HyperParameter Tuning Job State Change"),
    "transform-job": StateChange("SageMaker Transform Job State Change"),
    "processing-job": StateChange("SageMaker Processing Job State Change"),
    "endpoint": StateChange("SageMaker Endpoint State Change", changed=_endpoint),
    "endpoint-config": StateChange("SageMaker Endpoint Config State Change"),
    "model": StateChange("SageMaker Model State Change"),
    "model-package": StateChange("SageMaker Model Package State Change", marks=("ModelApprovalStatus",)),
    "model-card": StateChange("SageMaker Model Card State Change"),
    "feature-group": StateChange("SageMaker Feature Group State Change", marks=("OfflineStoreStatus.Status",)),
    "image": StateChange("SageMaker Image State Change"),
    "image-version": StateChange("SageMaker Image Version State Change"),
    "pipeline/execution": StateChange("SageMaker Model Building Pipeline Execution Status Change", changed=_execution),
}

BESIDE: Final[Mapping[str, StateChange]] = {
    # What is told beside that.
    "endpoint": StateChange("SageMaker Endpoint Deployment State Change", changed=_endpoint, of=_stages),
}


def events_of(record: Record, before: Record | None) -> Iterator[Event]:
    """The events of a write, from the record as it is written and as it was."""
    key = record.key
    for change in (table[key.kind] for table in (TABLE, BESIDE) if key.kind in table and key.kind in NOUNS):
        noun = NOUNS.load(key.kind)
        marks = _marks(record, noun, change)
        if not marks or (before is not None and _marks(before, noun, change) == marks):
            continue
        detail = change.changed(record, before, noun) if change.changed else _described(record, noun)
        arn = noun.view(record).get(noun.arn_member)
        yield Event(key.account, key.region, "aws.sagemaker", change.detail_type, detail, [arn] if arn else [])


def _marks(record: Record, noun: Noun, change: StateChange) -> Sequence[Any]:
    if change.of is not None:
        marks: Sequence[Any] = change.of(record)
        return marks
    view = noun.view(record) if change.marks else {}
    return [record.state, *(at(view, path) for path in change.marks)]


def _described(record: Record, noun: Noun) -> Mapping[str, Any]:
    """What Describe… says, with times in milliseconds, and the tags."""
    shape = model.service("sagemaker").operation_model(f"Describe{noun.title}").output_shape
    assert isinstance(shape, StructureShape)
    told = _in_millis(project(noun.view(record), shape), shape)
    return {**told, "Tags": dict(record.tags)}


def _in_millis(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {m: _in_millis(v, shape.members[m]) for m, v in value.items() if m in shape.members}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_in_millis(each, shape.member) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {name: _in_millis(each, shape.value) for name, each in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return round(value * 1000)
    return value


def _iso_millis(time: float) -> str:
    return stamp(time).removesuffix("+0000") + "Z"


class Announcing(Store):
    """A store that tells of what is written to it."""

    def __init__(self, inner: Store, bus: Bus) -> None:
        self._inner, self._bus = inner, bus
        self.local = inner.local

    def write(self, writes: Sequence[Write]) -> Sequence[Record]:
        told = [record for verb, record in writes if verb != "delete" for record in self._deliveries(verb, record)]
        if not told:
            return self._inner.write(writes)
        written = self._inner.write([*writes, *(("create", record) for record in told)])
        return written[: len(writes)]

    def _deliveries(self, verb: str, record: Record) -> Sequence[Record]:
        key = record.key
        if key.kind not in TABLE or not self._bus.listens(key.account, key.region):
            return ()
        before = self._inner.get(key) if verb == "update" else None
        return [delivery for event in events_of(record, before) for delivery in self._bus.deliveries(event)]

    def get(self, key: Key) -> Record | None:
        return self._inner.get(key)

    def list(self, query: Query, *, limit: int, after: str | None = None) -> Page:
        return self._inner.list(query, limit=limit, after=after)

    def count(self, query: Query) -> int:
        return self._inner.count(query)

    def unsettled(self, kind: str, settled: Sequence[str]) -> Sequence[Record]:
        return self._inner.unsettled(kind, settled)

    def acquire(self, name: str, owner: str, *, ttl: float, now: float) -> bool:
        return self._inner.acquire(name, owner, ttl=ttl, now=now)

    def holder(self, name: str, *, now: float) -> str | None:
        return self._inner.holder(name, now=now)

    def look_anew(self, listener: Callable[[], None]) -> None:
        self._inner.look_anew(listener)

    def release(self, name: str, owner: str) -> None:
        self._inner.release(name, owner)

    def close(self) -> None:
        self._inner.close()

    def subscribe(self, listener: Callable[[Key], None]) -> None:
        self._inner.subscribe(listener)
