"""One of everything: valid requests for each operation, against a server that holds what they refer to.

Things are called by the shortest name that the model allows, so that what one request makes the next one finds: a
model named `a` is there when CreateEndpointConfig asks for the model `a`. Ids and ARNs come from the answers that made
them. What a model cannot say (exactly one of two members, a definition that must be JSON of a certain form) stands in
`population.json`, by operation: members to set, members to
make up although they are optional ("+"), members to leave out (null); and what a rule of the conformance
suite does not hold for, under `exceptions`, with the reason. What else an operation's request refers to is made by the
requests under `before`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as File
from typing import Any, Final

import orjson
from botocore.model import OperationModel, Shape

from sagewright.testing import examples
from sagewright.testing.asker import Asker, Refused
from sagewright.testing.http import Spelled, sagemaker, spell
from sagewright.wire import model

FAMILY: Final = (
    "sagemaker",
    "sagemaker-runtime",
    "sagemaker-featurestore-runtime",
    "sagemaker-metrics",
    "sagemaker-a2i-runtime",
)
"""SageMaker's own services."""
_MADE: Final = "+"
_TELLING: Final = re.compile(r"\w+(Name|Id|Arn)")
_MAKING: Final = ("Create", "Register", "Import", "Add", "Associate", "Put", "Start", "Enable")


@dataclass
class Population:
    """A server, what was made in it so far, and the requests that fit that."""

    asker: Asker
    role: str
    """The ARN of a role that exists."""
    known: dict[str, str] = field(default_factory=dict)
    """Ids and ARNs by member name, as answers gave them."""
    left: dict[str, str] = field(default_factory=dict)
    """What could not be made, and why."""

    def call(self, service: str, operation: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """The members of an answer in JSON. Raises Refused, and what botocore's serializer raises."""
        answer = asyncio.run(self.asker.sign_and_send(request(service, operation, members)))
        said: dict[str, Any] = json.loads(answer.body) if answer.body[:1] == b"{" else {}
        if answer.status >= 300:
            code = said.get("__type") or answer.headers.get("x-amzn-errortype", "")
            raise Refused(answer.status, code, said.get("message") or said.get("Message") or "")
        return said

    def valid(self, service: str, operation: str, *, whole: bool = False) -> dict[str, Any]:
        """A valid request."""
        operation_model = model.service(service).operation_model(operation)
        overlay = self._overlay(operation_model, whole=whole)

        def given(path: examples.Path, shape: Shape, wanted: bool) -> Any:
            if _at(overlay, path) == _MADE:
                return examples.value(shape, path, given, whole=False)
            return self._given(path, shape) if wanted else None

        made = (examples.whole if whole else examples.minimal)(operation_model, given)
        made.pop("NextToken", None)  # one that was not handed out is refused
        return _laid_over(made, overlay)

    def learn(self, members: Mapping[str, Any]) -> None:
        """Take note of the names, ids and ARNs among some members."""
        self.known |= {m: v for m, v in members.items() if isinstance(v, str) and _TELLING.fullmatch(m)}

    def fill(self) -> None:
        """Make one of everything that can be made, whatever depends on what."""
        waiting = [
            (service, name)
            for service in FAMILY
            for name in model.service(service).operation_names
            if name.startswith(_MAKING)
        ]
        made = True
        while made:
            left = [each for each in waiting if not self._make(*each)]
            made, waiting = len(left) < len(waiting), left

    def _make(self, service: str, operation: str) -> bool:
        request = self.valid(service, operation)
        for before, members in _filled(_overlays()["before"].get(operation, []), {"role": self.role}):
            with suppress(Refused):  # made before, perhaps
                self.call(service, before, members)
        try:
            answer = self.call(service, operation, request)
        except Refused as refused:
            self.left[operation] = str(refused)
            return False
        self.left.pop(operation, None)
        spelled = _overlays().get(operation, {})  # what holds for this request holds for no other
        names = {member: name for member, name in _names(request).items() if member not in spelled}
        self.learn({**names, **answer, **_named_after(operation, answer)})
        return True

    def exceptions(self, rule: str) -> Mapping[str, str]:
        """The operations that a rule of the suite does not hold for, with the reason."""
        rows: Mapping[str, str] = _overlays()["exceptions"].get(rule, {})
        return rows

    def tagged(self) -> Iterator[tuple[str, str]]:
        """The ARNs of SageMaker's own things that were made."""
        rows = self.exceptions("tags")
        return (
            (member, arn)
            for member, arn in self.known.items()
            if arn.startswith("arn:aws:sagemaker:") and member not in rows
        )

    def _given(self, path: examples.Path, shape: Shape) -> Any:
        member = str(path[-1])
        if shape.type_name != "string" or getattr(shape, "enum", None):
            return None
        if member.endswith("RoleArn") or member in ("ExecutionRole", "Role"):
            return self.role
        return self.known.get(member)

    def _overlay(self, operation: OperationModel, *, whole: bool) -> Mapping[str, Any]:
        rows = _overlays()
        overlay = rows.get(operation.name, {})
        if whole:
            overlay = {**overlay, **rows.get(f"{operation.name} whole", {})}
        filled: Mapping[str, Any] = _filled(overlay, {"role": self.role, **self.known})
        return filled


def request(service: str, operation: str, members: Mapping[str, Any]) -> Spelled:
    """A request as boto3 sends it, whatever the members are. Raises what botocore's serializer raises."""
    return sagemaker(operation, members) if service == "sagemaker" else spell(service, operation, members)


def _names(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The names in a request: members of other requests may take an ARN in their place, and that would be made up."""
    return {member: value for member, value in request.items() if member.endswith("Name")}


def _named_after(operation: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """`Arn` in the answer of CreateMlflowApp is known as MlflowAppArn too."""
    return {f"{operation.removeprefix('Create')}Arn": answer["Arn"]} if "Arn" in answer else {}


@cache
def _overlays() -> Mapping[str, Any]:
    rows: Mapping[str, Any] = orjson.loads(File(__file__).with_name("population.json").read_bytes())
    return rows


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    """The overlay with `$Member` replaced by what is known under that name, or left to be invented."""
    match value:
        case dict():
            unknown = {key for key, inner in value.items() if str(inner).startswith("$") and inner[1:] not in known}
            return {key: _filled(inner, known) for key, inner in value.items() if key not in unknown}
        case list():
            return [_filled(inner, known) for inner in value]
        case str() if value.startswith("$"):
            return known.get(value[1:], value)
    return value


def _at(overlay: Any, path: examples.Path) -> Any:
    for step in path:
        overlay = overlay.get(step) if isinstance(overlay, dict) else None
    return overlay


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    laid = dict(below)
    for member, value in above.items():
        if value is None:
            laid.pop(member, None)
        elif value == _MADE:
            continue
        elif isinstance(value, dict) and isinstance(laid.get(member), dict):
            laid[member] = _laid_over(laid[member], value)
        else:
            laid[member] = value
    return laid
