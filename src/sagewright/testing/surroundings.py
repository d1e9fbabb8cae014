"""One of everything in the services around SageMaker: what was made by `steps.py`, and requests that ask about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import Shape

from sagewright.neighbours.table import NEIGHBOURS
from sagewright.testing import examples
from sagewright.testing.asker import Asker, Refused
from sagewright.testing.http import parse, spell
from sagewright.testing.steps import Step, steps
from sagewright.wire import model

Ask = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
"""Service, operation and parameters to an answer. Raises what it likes where that is refused."""


@dataclass
class Surroundings:
    """What was made on one server, to be asked about."""

    ask: Ask
    role: str
    known: dict[str, dict[str, str]] = field(default_factory=dict)
    """Names, ids and ARNs by service and member name."""
    asked: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """The last request of each service and operation."""
    left: dict[str, str] = field(default_factory=dict)
    """What could not be made, and why."""

    def fill(self, *, neighbours: bool = True) -> None:
        """Make one of everything; what is refused, because it is there or not built, is noted in `left`."""
        for step in steps():
            if neighbours or step.service not in NEIGHBOURS:
                self._make(step)

    def valid(self, service: str, operation: str, *, whole: bool = False) -> dict[str, Any]:
        """A request for what was made: the one that made it, or one with known names, ids and ARNs."""
        asked = self.asked.get((service, operation))
        if asked is not None and not whole:
            return asked
        known = self.known.get(service, {})
        arns = [value for value in known.values() if value.startswith("arn:")]

        def given(path: examples.Path, shape: Shape, wanted: bool) -> Any:
            if not wanted or shape.type_name != "string":
                return None
            member, words = str(path[-1]), getattr(shape, "enum", None)
            if member in known:
                return known[member] if not words or known[member] in words else None
            if member.lower().endswith("rolearn"):
                return self.role
            return arns[-1] if arns and member.lower().endswith("arn") else None

        made = examples.whole if whole else examples.minimal
        return made(model.service(service).operation_model(operation), given)

    def _make(self, step: Step) -> None:
        service, mine = step.service, self.known.setdefault(step.service, {})
        members = self._filled(service, step.members)
        mine |= {name: value for name, value in members.items() if isinstance(value, str) and len(value) < 200}
        self.asked[service, step.operation] = members
        name = f"{service} {step.operation}"
        try:
            answer = self.ask(service, step.operation, members)
        except Exception as refused:  # noqa: BLE001  whoever asks has errors of his own
            self.left[name] = str(refused)
            return
        self.left.pop(name, None)
        mine |= {name: value for name, value in answer.items() if isinstance(value, str) and len(value) < 200}
        for member, path in step.kept.items():
            mine[member] = _at(answer, path)

    def _filled(self, service: str, value: Any) -> Any:
        match value:
            case dict():
                return {key: self._filled(service, inner) for key, inner in value.items()}
            case list():
                return [self._filled(service, inner) for inner in value]
            case "$role":
                return self.role
            case str() if value.startswith("$"):
                other, dot, member = value[1:].rpartition(".")
                return self.known.get(other if dot else service, {}).get(member, "unknown")
        return value


def asking(asker: Asker) -> Ask:
    """Any operation of a server without its port. Raises Refused."""

    def ask(service: str, operation: str, members: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = asyncio.run(asker.sign_and_send(spell(service, operation, members)))
        said = parse(service, operation, answer.status, answer.headers, answer.body)
        if answer.status >= 300:
            raise Refused(answer.status, said["Error"]["Code"], said["Error"].get("Message", ""))
        return said

    return ask


def _at(answer: Any, path: str) -> str:
    for step in path.split("."):
        answer = answer[int(step)] if step.isdigit() else answer[step]
    return str(answer)
