"""What a target gets of an event: the whole, a part of it, a constant, or a text with parts filled in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

_STEP: Final = re.compile(r"\.([^.\[\]'\"\s]+)|\[(\d+|\*)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")
_PLACEHOLDER: Final = re.compile(r"<([^<>\s]+)>")
_MISSING: Final = object()


class InvalidInput(ValueError):
    """What is wrong with a target's input settings, as a sentence."""


def check(target: Mapping[str, Any]) -> None:
    """Raises InvalidInput for settings that no event could be rendered by."""
    given = [member for member in ("Input", "InputPath", "InputTransformer") if member in target]
    if len(given) > 1:
        raise InvalidInput(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {_id(target)}."
        )
    if "Input" in target:
        try:
            orjson.loads(target["Input"])
        except ValueError:
            raise InvalidInput(f"JSON text is expected as Input of target {_id(target)}.") from None
    if "InputPath" in target:
        _steps(target["InputPath"])
    if "InputTransformer" in target:
        _check_transformer(target["InputTransformer"])


def _check_transformer(transformer: Mapping[str, Any]) -> None:
    paths = transformer.get("InputPathsMap", {})
    for name, path in paths.items():
        if name.lower().startswith("aws"):
            raise InvalidInput(f"{name!r} cannot be a name in InputPathsMap: names that start with AWS are reserved.")
        _steps(path)
    for name in _PLACEHOLDER.findall(transformer["InputTemplate"]):
        if name not in paths and name not in _RESERVED:
            raise InvalidInput(f"InputTemplate refers to {name!r}, which InputPathsMap does not have.")


def rendered(target: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, str]) -> str:
    """The text that a target gets for an event. `rule`: its `arn` and `name`, and when the event arrived (`time`)."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = _at(event, target["InputPath"])
        return _json(None if found is _MISSING else found)
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], event, rule)
    return _json(event)


_RESERVED: Final = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
)


def _transformed(transformer: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, str]) -> str:
    values: dict[str, Any] = {
        "aws.events.rule-arn": rule["arn"],
        "aws.events.rule-name": rule["name"],
        "aws.events.event.ingestion-time": rule["time"],
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": event,
        **{name: _at(event, path) for name, path in transformer.get("InputPathsMap", {}).items()},
    }
    template = transformer["InputTemplate"]
    quoted = _inside_quotes(template)
    out, last = [], 0
    for found in _PLACEHOLDER.finditer(template):
        out += [template[last : found.start()], _filled(values.get(found[1], _MISSING), found.start() in quoted)]
        last = found.end()
    return "".join([*out, template[last:]])


def _filled(value: Any, quoted: bool) -> str:
    """A value as it stands in a template: inside a string its bare text, elsewhere JSON. What is missing is empty
    inside a string and null elsewhere, so that the result stays JSON."""
    if not quoted:
        return _json(None if value is _MISSING else value)
    if value is _MISSING:
        return ""
    if isinstance(value, str):
        return _json(value)[1:-1]
    # A list or object inside a string loses its quotation marks, as it does on AWS.
    return _json(value).replace('"', "") if isinstance(value, list | dict) else _json(value)


def _inside_quotes(template: str) -> set[int]:
    """The positions inside JSON strings."""
    inside, escaped, positions = False, False, set()
    for position, letter in enumerate(template):
        if inside:
            positions.add(position)
        if escaped:
            escaped = False
        elif letter == "\\" and inside:
            escaped = True
        elif letter == '"':
            inside = not inside
    return positions


def _steps(path: str) -> list[str | int | None]:
    """The steps of a JSON path: names, indexes, None for every element. Raises InvalidInput."""
    if not path.startswith("$"):
        raise InvalidInput(f"Invalid JSON path {path!r}: it begins with $.")
    steps: list[str | int | None] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            raise InvalidInput(f"Invalid JSON path {path!r}: use steps like .name, ['name'], [0] and [*].")
        name, index, single, double = found.groups()
        if index is not None:
            steps.append(None if index == "*" else int(index))
        else:
            steps.append(name or single or double)
        at = found.end()
    return steps


def _at(event: Any, path: str) -> Any:
    """What a path leads to: a value, a list where the path has a `*`, `_MISSING` where there is nothing."""
    steps = _steps(path)
    found = list(_walk(event, steps))
    if None in steps:
        return found
    return found[0] if found else _MISSING


def _walk(value: Any, steps: list[str | int | None]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    inner: list[Any] = []
    if step is None and isinstance(value, list):
        inner = value
    elif isinstance(step, int) and isinstance(value, list):
        inner = value[step : step + 1]
    elif isinstance(step, str) and isinstance(value, Mapping) and step in value:
        inner = [value[step]]
    for each in inner:
        yield from _walk(each, rest)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _id(target: Mapping[str, Any]) -> str:
    return str(target.get("Id", ""))
