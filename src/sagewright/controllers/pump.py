"""Carries what tasks print into the logs users read, each line exactly once, and finds metrics in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import regex

from sagewright.compute.base import LogLine
from sagewright.controllers.platform import Platform
from sagewright.resources.record import Record
from sagewright.telemetry.text import agent_spelling

_BATCH: Final = 5_000
_REGEX_SECONDS: Final = 0.05
"""Patterns are users' own; one that explodes on a line finds nothing there rather than stopping the server."""
NAMESPACE: Final = "/aws/sagemaker/TrainingJobs"

MetricDefinition = Mapping[str, str]


def pump(
    platform: Platform,
    record: Record,
    task_id: str,
    *,
    group: str,
    stream: str,
    metrics: Sequence[MetricDefinition] = (),
    dimensions: Mapping[str, str] | None = None,
) -> dict[str, tuple[float, float]]:
    """Append everything new that the task wrote. Returns the newest (value, epoch seconds) of each metric seen.

    Datapoints are written before the lines they were found in: a server killed in between writes them twice, with
    the same time and value, rather than never.
    """
    newest: dict[str, tuple[float, float]] = {}
    logs = platform.logs.at(record.key.account, record.key.region)
    while True:
        offset = logs.source_offset(group, stream)
        lines = platform.engine.logs(task_id, offset=offset, limit=_BATCH)
        if not lines:
            return newest
        spelled = [(line.timestamp_ms, agent_spelling(line.message), line.offset) for line in lines]
        for timestamp_ms, text, _offset in spelled:
            for name, value in find_metrics(text, metrics):
                newest[name] = (value, timestamp_ms / 1000)
                platform.metrics.put(NAMESPACE, name, dimensions or {}, timestamp_ms / 1000, value)
        logs.append_from(group, stream, spelled)
        if len(lines) < _BATCH:
            return newest


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
            yield definition["Name"], float(found[1])
        except (TypeError, ValueError):
            continue


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
