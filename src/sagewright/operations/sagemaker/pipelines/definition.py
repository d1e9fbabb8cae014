"""Definitions of pipelines: JSON of the schema 2020-12-01, as far as it is checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from sagewright.base.errors import AwsError, validation_error

VERSION: Final = "2020-12-01"
STEP_TYPES: Final = frozenset(
    {
        "AutoML", "Athena", "BedrockCustomModel", "BedrockCustomModelDeployment", "BedrockModelImport",
        "BedrockProvisionedModelThroughput", "Callback", "ClarifyCheck", "Cleanup", "Condition", "EMR",
        "EMRServerless", "Endpoint", "EndpointConfig", "Fail", "ForEach", "HubContent", "InferenceComponent", "Job",
        "Lambda", "Lineage", "Model", "Processing", "QualityCheck", "RegisterModel", "Training", "Transform", "Tuning",
    }
)  # fmt: skip
_NESTED: Final = ("IfSteps", "ElseSteps", "Steps")
"""The arguments of steps that hold further steps."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REFERENCE: Final = re.compile(r"(Parameters|Steps)\.([^.\[]+)")
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}
_BOOLEANS: Final = {"true": True, "false": False}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that holds together."""

    parameters: Mapping[str, Json]
    """By name."""
    steps: Mapping[str, Json]
    """All steps, also those within others, by name."""


def read(text: str) -> Definition:
    """Raises a ValidationException for what is no definition."""
    try:
        whole = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _unfit(f"it is not valid JSON: {error}") from None
    if not isinstance(whole, dict):
        raise _unfit("it must be a JSON object")
    if whole.get("Version", VERSION) != VERSION:
        raise _unfit(f"its Version must be {VERSION}")
    parameters = _parameters(_objects(whole, "Parameters"))
    if not isinstance(whole.get("Steps"), list):
        raise _unfit("it needs Steps, a list")
    steps = _steps(whole)
    _check_order(steps)
    _check_references(whole, parameters, steps)
    return Definition(parameters, steps)


def given(definition: Definition, parameters: Sequence[Json]) -> dict[str, str]:
    """All parameters of an execution, those that the request leaves out with their default.

    Raises a ValidationException for one that is unknown, has no value, or one that it cannot have.
    """
    values = {each["Name"]: each["Value"] for each in parameters}
    if len(values) < len(parameters):
        raise validation_error("A pipeline parameter is given twice.")
    unknown = sorted(set(values) - set(definition.parameters))
    if unknown:
        raise validation_error(f"The pipeline has no parameter {', '.join(unknown)}.")
    for name, declared in definition.parameters.items():
        if name in values:
            _check_value(declared, _parsed(declared, values[name]))
        elif "DefaultValue" in declared:
            default = declared["DefaultValue"]
            values[name] = default if isinstance(default, str) else orjson.dumps(default).decode()
        else:
            raise validation_error(f"The pipeline parameter {name} has no default, so a value must be given.")
    return values


def _parameters(declared: Sequence[Json]) -> Mapping[str, Json]:
    found: dict[str, Json] = {}
    for parameter in declared:
        name = parameter.get("Name")
        if not isinstance(name, str) or not name:
            raise _unfit("each of its Parameters needs a Name")
        if name in found:
            raise _unfit(f"its parameter {name} is declared twice")
        kind = parameter.get("Type")
        if not isinstance(kind, str) or kind not in _TYPES:
            raise _unfit(f"the Type of parameter {name} must be one of {', '.join(_TYPES)}")
        if "DefaultValue" in parameter:
            _check_value(parameter, parameter["DefaultValue"])
        found[name] = parameter
    return found


def _steps(whole: Json) -> Mapping[str, Json]:
    found: dict[str, Json] = {}
    looking = list(_objects(whole, "Steps"))
    while looking:
        step = looking.pop()
        name, kind = step.get("Name"), step.get("Type")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _unfit("each step needs a Name of up to 64 letters, digits, hyphens and underscores")
        if name in found:
            raise _unfit(f"step names must be unique, but two steps are named {name}")
        if not isinstance(kind, str) or kind not in STEP_TYPES:
            raise _unfit(f"step {name} has an unknown Type: {kind!r}")
        arguments = step.get("Arguments", {})
        if not isinstance(arguments, dict):
            raise _unfit(f"the Arguments of step {name} must be an object")
        found[name] = step
        for member in _NESTED if kind in ("Condition", "ForEach") else ():
            looking += _objects(arguments, member)
    return found


def _check_order(steps: Mapping[str, Json]) -> None:
    """Steps may only wait for steps that are there, and never for themselves."""
    waiting: dict[str, set[str]] = {}
    for name, step in steps.items():
        before = step.get("DependsOn", [])
        if not isinstance(before, list) or not all(isinstance(each, str) for each in before):
            raise _unfit(f"DependsOn of step {name} must be a list of step names")
        unknown = sorted(set(before) - set(steps))
        if unknown:
            raise _unfit(f"step {name} depends on {', '.join(unknown)}, which is no step of it")
        waiting[name] = set(before)
    while waiting:
        free = {name for name, before in waiting.items() if not before & set(waiting)}
        if not free:
            raise _unfit(f"the steps {', '.join(sorted(waiting))} wait for each other")
        waiting = {name: before for name, before in waiting.items() if name not in free}


def _check_references(whole: Json, parameters: Mapping[str, Json], steps: Mapping[str, Json]) -> None:
    known = {"Parameters": parameters, "Steps": steps}
    for reference in _references(whole):
        match = _REFERENCE.match(reference)
        if match is not None and match[2] not in known[match[1]]:
            raise _unfit(f"it refers to {match[1]}.{match[2]}, which it does not declare")


def _references(whole: Json) -> Iterator[str]:
    looking: list[Any] = [whole]
    while looking:
        value = looking.pop()
        if isinstance(value, dict):
            if isinstance(value.get("Get"), str):
                yield value["Get"]
            looking += value.values()
        elif isinstance(value, list):
            looking += value


def _objects(holder: Json, member: str) -> Sequence[Json]:
    found = holder.get(member, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _unfit(f"{member} must be a list of objects")
    return found


def _parsed(declared: Json, text: str) -> Any:
    """The value that a text stands for; the text itself where it stands for none."""
    try:
        if declared["Type"] == "Integer":
            return int(text)
        if declared["Type"] == "Float":
            return float(text)
    except ValueError:
        return text
    return _BOOLEANS.get(text.lower(), text) if declared["Type"] == "Boolean" else text


def _check_value(declared: Json, value: Any) -> None:
    name, kind = declared["Name"], declared["Type"]
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "Boolean"):
        raise validation_error(f"The pipeline parameter {name} is of type {kind}: {value!r} is none.")
    allowed = declared.get("EnumValues")
    if isinstance(allowed, list) and value not in allowed:
        raise validation_error(f"The pipeline parameter {name} must be one of {allowed!r}.")


def _unfit(reason: str) -> AwsError:
    return validation_error(f"Unable to parse pipeline definition: {reason}.")
