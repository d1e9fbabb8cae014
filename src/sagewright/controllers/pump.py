"""Carries what tasks print into the logs users read, each line exactly once, and finds metrics in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final

import regex

from sagewright.compute.base import LogLine
from sagewright.controllers import metric_files, trial_component
from sagewright.controllers.platform import Platform
from sagewright.controllers.trial_component import Found
from sagewright.resources.record import Record
from sagewright.telemetry.logs import NoSuchGroup, NoSuchStream
from sagewright.telemetry.metrics import Metric, Point
from sagewright.telemetry.text import agent_spelling

_BATCH: Final = 5_000
_BATCHES: Final = 20
"""How many of them are carried in one go while the task runs: one that never stops talking must still be stopped."""
_REGEX_SECONDS: Final = 0.05
"""Patterns are users' own; one that explodes on a line finds nothing there rather than stopping the server."""
NAMESPACE: Final = "/aws/sagemaker/TrainingJobs"

MetricDefinition = Mapping[str, str]
Narrator = Callable[[str], None]


def pump(
    platform: Platform,
    record: Record,
    task_id: str,
    *,
    group: str,
    stream: str,
    metrics: Sequence[MetricDefinition] = (),
    dimensions: Mapping[str, str] | None = None,
    ended: bool = False,
) -> dict[str, tuple[float, float]]:
    """Append what is new of what the task wrote; all of it if the caller saw that it `ended`.

    Returns the newest (value, epoch seconds) of each metric seen.
    Datapoints are written before the lines they were found in: a server killed in between writes them twice, with
    the same time and value, rather than never. Points of the job's trial component are written once all the same.
    """
    newest: dict[str, tuple[float, float]] = {}
    logs = platform.logs.at(record.key.account, record.key.region)
    for _ in count() if ended else range(_BATCHES):
        offset = logs.source_offset(group, stream)
        lines = platform.engine.logs(task_id, offset=offset, limit=_BATCH)
        if not lines:
            break
        spelled = [(line.timestamp_ms, agent_spelling(line.message), line.offset) for line in lines]
        found = [
            Found(name, value, timestamp_ms / 1000, offset)
            for timestamp_ms, text, offset in spelled
            for name, value in find_metrics(text, metrics)
        ]
        if found:
            trial_component.note(platform, record, stream, found)
            own = dimensions or {}
            points = [(Metric(NAMESPACE, each.name, own), Point.of(each.time, each.value)) for each in found]
            platform.metrics.at(record.key.account, record.key.region).put_many(points)
            newest |= {each.name: (each.value, each.time) for each in found}
        logs.append_from(group, stream, spelled)
    metric_files.carry(platform, record, task_id)
    return newest


def narrator(platform: Platform, record: Record, *, group: str, stream: str) -> Narrator:
    """Says what is being prepared, at the head of the log, as it happens. Silent where the log has begun: a start that
    is tried again, after a crash say, does not repeat itself."""
    logs = platform.logs.at(record.key.account, record.key.region)
    with suppress(NoSuchGroup, NoSuchStream):
        if logs.stream(group, stream).last is not None:
            return lambda line: None

    def say(line: str) -> None:
        logs.append_from(group, stream, [(int(platform.clock.now() * 1000), f"sagewright: {line}", 0)])

    return say


def find_metrics(line: str, definitions: Sequence[MetricDefinition]) -> Iterator[tuple[str, float]]:
    """(name, value) for each definition whose regex is in the line; its first group is the number."""
    for definition in definitions:
        try:
            found = regex.search(definition["Regex"], line, timeout=_REGEX_SECONDS)
        except (regex.error, TimeoutError):
            continue
        if found is None or not found.groups():
            continue
        try:
            value = float(found[1])
        except (TypeError, ValueError):
            continue
        if math.isfinite(value):  # a loss that went through the roof is no datapoint
            yield definition["Name"], value


def last_lines(platform: Platform, task_id: str, *, count: int = 20) -> list[str]:
    """The end of what a task printed."""
    lines: list[LogLine] = []
    offset = 0
    while batch := platform.engine.logs(task_id, offset=offset, limit=_BATCH):
        lines = [*lines, *batch][-count:]
        offset = batch[-1].offset
    return [line.message for line in lines]


def final_metrics(
    known: Sequence[Mapping[str, Any]], newest: Mapping[str, tuple[float, float]]
) -> list[dict[str, Any]]:
    """FinalMetricDataList: what was known, overwritten by what was seen since."""
    values = {each["MetricName"]: dict(each) for each in known}
    for name, (value, timestamp) in newest.items():
        values[name] = {"MetricName": name, "Value": value, "Timestamp": timestamp}
    return list(values.values())
