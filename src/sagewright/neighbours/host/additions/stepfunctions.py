"""What moto does not look at in state machines: whether the definition is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.neighbours.host import moto_call
from sagewright.neighbours.host.additions import Place

Params = dict[str, Any]
Fault = tuple[str, str, str]
"""AWS's code, a sentence, and where, as a JSON pointer."""

_TYPES: Final = frozenset({"Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"})
_LAST: Final = frozenset({"Succeed", "Fail"})


def create_state_machine(place: Place, params: Params) -> Params:
    """InvalidDefinition unless the definition has Amazon States Language's shape."""
    _insist(params["definition"])
    return moto_call.call("stepfunctions", "CreateStateMachine", params, place.account, place.region)


def update_state_machine(place: Place, params: Params) -> Params:
    if "definition" in params:
        _insist(params["definition"])
    return moto_call.call("stepfunctions", "UpdateStateMachine", params, place.account, place.region)


def validate_state_machine_definition(place: Place, params: Params) -> Params:
    """The faults of structure: states that are missing, of no type, or lead nowhere. Paths and expressions are not
    evaluated, which is why what has no fault may still fail when it runs."""
    found = [
        {"severity": "ERROR", "code": code, "message": sentence, "location": where}
        for code, sentence, where in _faults(params["definition"])
    ]
    most = params.get("maxResults") or 100
    answer = {"result": "FAIL" if found else "OK", "diagnostics": found[:most]}
    return {**answer, "truncated": True} if len(found) > most else answer


def list_state_machine_versions(place: Place, params: Params) -> Params:
    """None: versions are not kept here."""
    moto_call.call(
        "stepfunctions",
        "DescribeStateMachine",
        {"stateMachineArn": params["stateMachineArn"]},
        place.account,
        place.region,
    )
    return {"stateMachineVersions": []}


def _insist(definition: str) -> None:
    told = [f"{code}: {sentence} at {where}" for code, sentence, where in _faults(definition)]
    if told:
        raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{'; '.join(told[:5])}'")


def _faults(definition: str) -> list[Fault]:
    try:
        document = json.loads(definition)
    except (ValueError, RecursionError) as error:
        return [("INVALID_JSON_DESCRIPTION", f"The definition is not JSON ({error})", "/")]
    return list(_machine(document, ""))


def _machine(machine: Any, where: str) -> Iterator[Fault]:
    """A state machine, or one inside a Map or Parallel state."""
    if not isinstance(machine, dict):
        yield "SCHEMA_VALIDATION_FAILED", "A state machine is an object", where or "/"
        return
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield "SCHEMA_VALIDATION_FAILED", "A state machine has States", f"{where}/States"
        return
    if machine.get("StartAt") not in states:
        yield "MISSING_TRANSITION_TARGET", f"StartAt names no state: {machine.get('StartAt')}", f"{where}/StartAt"
    for name, state in states.items():
        yield from _state(state, states, f"{where}/States/{name}")


def _state(state: Any, states: Params, where: str) -> Iterator[Fault]:
    kind = state.get("Type") if isinstance(state, dict) else None
    if kind not in _TYPES:
        yield "SCHEMA_VALIDATION_FAILED", f"A state is of one of the types {', '.join(sorted(_TYPES))}", f"{where}/Type"
        return
    if kind == "Choice":
        choices = state.get("Choices")
        if not isinstance(choices, list) or not choices:
            yield "SCHEMA_VALIDATION_FAILED", "A Choice state has Choices", f"{where}/Choices"
            choices = []
        targets = [(each.get("Next") if isinstance(each, dict) else None, "Choices") for each in choices]
        targets += [(state["Default"], "Default")] if "Default" in state else []
    elif kind in _LAST or state.get("End") is True:
        targets = []
    else:
        targets = [(state.get("Next"), "Next")]
    catchers = state.get("Catch", [])
    targets += [(each.get("Next"), "Catch") for each in catchers if isinstance(each, dict)]
    for target, member in targets:
        if target not in states:
            yield "MISSING_TRANSITION_TARGET", f"{member} names no state: {target}", f"{where}/{member}"
    if kind == "Task" and not isinstance(state.get("Resource"), str):
        yield "SCHEMA_VALIDATION_FAILED", "A Task state has a Resource", f"{where}/Resource"
    yield from _inside(kind, state, where)


def _inside(kind: str, state: Params, where: str) -> Iterator[Fault]:
    if kind == "Parallel":
        branches = state.get("Branches")
        if not isinstance(branches, list) or not branches:
            yield "SCHEMA_VALIDATION_FAILED", "A Parallel state has Branches", f"{where}/Branches"
            return
        for number, branch in enumerate(branches):
            yield from _machine(branch, f"{where}/Branches[{number}]")
    elif kind == "Map":
        member = "ItemProcessor" if "ItemProcessor" in state else "Iterator"
        yield from _machine(state.get(member), f"{where}/{member}")
