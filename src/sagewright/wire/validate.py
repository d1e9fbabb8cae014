"""Constraints of the model (presence, length, range, pattern, enum), reported in AWS's words.

Called after `parse`, so types are right already. Checks are closures, compiled once per shape; nothing is
formatted before something fails. The wording is Coral's, as SageMaker and its neighbours print it:

    1 validation error detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must …
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from sagewright.base.errors import AwsError
from sagewright.wire.model import SERVICES
from sagewright.wire.patterns import LONGEST, Untranslatable, compile_java

Path = tuple[Any, str] | None
"""Where a value is: its parent's path and its own label; None is the request itself."""
Errors = list[str]
Check = Callable[[Any, Path, str, Errors], None]
"""(value, parent's path, label, errors): appends one line per violated constraint."""
Holds = Callable[[Any], bool]
Constraint = tuple[Holds, str]
"""(does the value satisfy it, AWS's sentence for when it does not)."""

SHOWN: Final = 300
"""At most so many characters of a value are echoed."""
_MOST: Final = 50
"""At most so many errors are listed; the count stays true."""
_FAILED: Final = "failed to satisfy constraint"


def validate(operation_model: OperationModel, params: Mapping[str, Any]) -> None:
    """Raises `AwsError` (400) naming every violated constraint, under the code that the service uses.

    `params` are as `parse` gives them; a streaming payload is not looked at.
    """
    shape = operation_model.input_shape
    if shape is None:
        return
    model = operation_model.service_model
    check = _validator(model).root(shape)
    errors: Errors = []
    try:
        check(params, None, "", errors)
    except RecursionError:
        errors.append(f"Value at the request {_FAILED}: Member must not be nested so deeply")
    if errors:
        raise AwsError(_code(model), _sentence(errors))


def _sentence(errors: Errors) -> str:
    noun = "error" if len(errors) == 1 else "errors"
    return f"{len(errors)} validation {noun} detected: {'; '.join(errors[:_MOST])}"


def _code(model: ServiceModel) -> str:
    row = SERVICES.get(model.service_name)
    return "ValidationException" if row is None else row.validation_code


_validators: dict[ServiceModel, _Validator] = {}


def _validator(model: ServiceModel) -> _Validator:
    found = _validators.get(model)
    if found is None:
        found = _validators[model] = _Validator()
    return found


class _Validator:
    """The compiled checks of one service's shapes."""

    def __init__(self) -> None:
        self._checks: dict[str, Check | None] = {}
        self._roots: dict[str, Check] = {}
        self._lock = threading.RLock()

    def root(self, shape: StructureShape) -> Check:
        check = self._roots.get(shape.name)
        if check is None:
            check = self._roots[shape.name] = self._check(shape) or _pass
        return check

    def _check(self, shape: Shape) -> Check | None:
        """The check of a shape, None where there is nothing to check."""
        name = shape.name

        # While a shape that contains itself is being built, its inner self is looked up at call time.
        def stand_in(value: Any, parent: Path, label: str, errors: Errors) -> None:
            (self._checks[name] or _pass)(value, parent, label, errors)

        with self._lock:  # or another thread would take the stand-in for the finished check
            if name not in self._checks:
                self._checks[name] = stand_in
                self._checks[name] = self._build(shape)
            return self._checks[name]

    def _build(self, shape: Shape) -> Check | None:
        if isinstance(shape, StructureShape):
            return None if shape.is_document_type else self._structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        constraints = _constraints(shape)
        return _plain(constraints, _shown(shape)) if constraints else None

    def _structure(self, shape: StructureShape) -> Check | None:
        required = frozenset(shape.required_members)
        members: dict[str, tuple[str, Holds, Check]] = {}
        for name, member in shape.members.items():
            traits = member.serialization
            if traits.get("eventstream") or (name == shape.serialization.get("payload") and _streams(member)):
                continue
            if (check := self._check(member)) is not None:
                members[name] = (camel(name), _all(_constraints(member), member), check)
        missing = [(name, camel(name)) for name in shape.members if name in required]
        one_of = ", ".join(map(camel, shape.members)) if shape.is_tagged_union else ""
        if not members and not missing and not one_of:
            return None

        def check_structure(value: Any, parent: Path, label: str, errors: Errors) -> None:
            here = (parent, label) if label else parent
            if one_of and len(value) != 1:
                errors.append(_failure("", _where(parent, label), f"Member must have exactly one of: {one_of}"))
            if not required <= value.keys():
                for name, shown in missing:
                    if name not in value:
                        errors.append(_null(_where(here, shown)))
            for name, inner in value.items():
                entry = members.get(name)
                if entry is not None and not entry[1](inner):
                    entry[2](inner, here, entry[0], errors)

        return check_structure

    def _list(self, shape: ListShape) -> Check | None:
        own = _constraints(shape)
        member = shape.member
        show = _shown(shape)
        nested = isinstance(member, (StructureShape, ListShape, MapShape))
        inner = self._check(member) if nested else None
        each = [] if nested else _constraints(member)
        every = _all(each, member)
        brackets = _bracketed(each)

        def check_list(values: Any, parent: Path, label: str, errors: Errors) -> None:
            for holds, sentence in own:
                if not holds(values):
                    errors.append(_failure(show(values), _where(parent, label), sentence))
            if each and not all(item is None or every(item) for item in values):
                sentence = f"Member must satisfy constraint: {brackets}"
                errors.append(_failure(show(values), _where(parent, label), sentence))
            here = (parent, label)
            for number, item in enumerate(values, 1):
                if item is None:
                    errors.append(_null(_where(here, f"{number}.member")))
                elif inner is not None:
                    inner(item, here, f"{number}.member", errors)

        return check_list

    def _map(self, shape: MapShape) -> Check | None:
        own = _constraints(shape)
        show = _shown(shape)
        keys = _constraints(shape.key)
        value_shape = shape.value
        nested = isinstance(value_shape, (StructureShape, ListShape, MapShape))
        inner = self._check(value_shape) if nested else None
        each = [] if nested else _constraints(value_shape)
        every_key, every = _all(keys, shape.key), _all(each, value_shape)
        key_words = f"Map keys must satisfy constraint: {_bracketed(keys)}"
        value_words = f"Map value must satisfy constraint: {_bracketed(each)}"

        def check_map(mapping: Any, parent: Path, label: str, errors: Errors) -> None:
            failed = [sentence for holds, sentence in own if not holds(mapping)]
            if keys and not all(map(every_key, mapping)):
                failed.append(key_words)
            if each and not all(v is None or every(v) for v in mapping.values()):
                failed.append(value_words)
            for sentence in failed:
                errors.append(_failure(show(mapping), _where(parent, label), sentence))
            here = (parent, label)
            for key, item in mapping.items():
                if item is None:
                    errors.append(_null(_where(here, f"{_cut(key)}.member")))
                elif inner is not None:
                    inner(item, here, f"{_cut(key)}.member", errors)

        return check_map


def camel(name: str) -> str:
    """A member's name as AWS prints it in these sentences: `TrainingJobName` → `trainingJobName`."""
    return name[:1].lower() + name[1:]


def _pass(_value: Any, _parent: Path, _label: str, _errors: Errors) -> None:
    return None


def _plain(constraints: list[Constraint], show: Callable[[Any], str]) -> Check:
    def check_scalar(value: Any, parent: Path, label: str, errors: Errors) -> None:
        for holds, sentence in constraints:
            if not holds(value):
                errors.append(_failure(show(value), _where(parent, label), sentence))

    return check_scalar


def _all(constraints: list[Constraint], shape: Shape) -> Holds:
    """The quick answer for a value without an inside; for others always no, so that the full check runs."""
    if isinstance(shape, (StructureShape, ListShape, MapShape)):
        return lambda _: False
    tests = [holds for holds, _ in constraints]
    match tests:
        case []:
            return lambda _: True
        case [only]:
            return only
        case [first, second]:
            return lambda value: first(value) and second(value)
        case [first, second, third]:
            return lambda value: first(value) and second(value) and third(value)
    return lambda value: all(holds(value) for holds in tests)


def _constraints(shape: Shape) -> list[Constraint]:
    """What the model demands of a value itself, in the order in which AWS lists it."""
    metadata = shape.metadata
    kind = shape.type_name
    found: list[Constraint] = []
    low, high = metadata.get("min"), metadata.get("max")
    if kind in {"string", "list", "map", "blob"}:
        found += _length(low, high)
        if kind == "string":
            found += _text(metadata, high)
    elif kind in {"integer", "long", "float", "double"}:
        found += _range(low, high)
    return found


def _length(low: int | None, high: int | None) -> list[Constraint]:
    found: list[Constraint] = []
    if high is not None:
        most = int(high)
        words = f"Member must have length less than or equal to {most}"
        found.append((lambda value: len(value) <= most, words))
    if low is not None and int(low) > 0:
        least = int(low)
        words = f"Member must have length greater than or equal to {least}"
        found.append((lambda value: len(value) >= least, words))
    return found


def _range(low: float | None, high: float | None) -> list[Constraint]:
    found: list[Constraint] = []
    if high is not None:
        words = f"Member must have value less than or equal to {high}"
        found.append((lambda value: bool(value <= high), words))
    if low is not None:
        words = f"Member must have value greater than or equal to {low}"
        found.append((lambda value: bool(value >= low), words))
    return found


def _text(metadata: Mapping[str, Any], high: int | None) -> list[Constraint]:
    if enum := metadata.get("enum"):
        allowed = frozenset(enum)
        return [(allowed.__contains__, f"Member must satisfy enum value set: [{', '.join(enum)}]")]
    if pattern := metadata.get("pattern"):
        most = LONGEST if high is None else min(int(high), LONGEST)
        return [(_matcher(pattern, most), f"Member must satisfy regular expression pattern: {pattern}")]
    return []


def _matcher(pattern: str, most: int) -> Callable[[str], bool]:
    """Compiles on first use. Too long a value passes: its length has failed already, or nothing bounds it."""
    compiled: list[Callable[[str], Any]] = []

    def matches(value: str) -> bool:
        if len(value) > most:
            return True
        if not compiled:
            try:
                compiled.append(compile_java(pattern).fullmatch)
            except Untranslatable:
                compiled.append(lambda _: True)
        return compiled[0](value) is not None

    return matches


def _streams(shape: Shape) -> bool:
    return shape.type_name == "blob" or bool(shape.serialization.get("streaming"))


def _bracketed(constraints: list[Constraint]) -> str:
    return f"[{', '.join(sentence for _, sentence in constraints)}]"


def _where(parent: Path, label: str) -> str:
    parts = [label]
    while parent is not None:
        parent, part = parent
        parts.append(part)
    return ".".join(reversed(parts))


def _null(where: str) -> str:
    return f"Value null at '{where}' {_FAILED}: Member must not be null"


def _failure(shown: str, where: str, sentence: str) -> str:
    return f"Value {shown}at '{where}' {_FAILED}: {sentence}"


def _shown(shape: Shape) -> Callable[[Any], str]:
    """How a value is echoed: not at all where the model calls it, or anything inside it, sensitive."""
    if _sensitive(shape, set()):
        return lambda _value: ""
    return lambda value: f"'{_cut(_java(value))}' "


def _sensitive(shape: Shape, seen: set[str]) -> bool:
    if shape.name in seen:
        return False
    seen.add(shape.name)
    if shape.metadata.get("sensitive"):
        return True
    if isinstance(shape, StructureShape):
        return any(_sensitive(member, seen) for member in shape.members.values())
    if isinstance(shape, ListShape):
        return _sensitive(shape.member, seen)
    if isinstance(shape, MapShape):
        return _sensitive(shape.key, seen) or _sensitive(shape.value, seen)
    return False


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _java(value: Any, room: int = SHOWN) -> str:
    """A value as Java prints it: `[a, b]`, `{k=v}`. Stops where nobody would see the rest."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if room <= 0:
        return "…"
    parts: list[str] = []
    if isinstance(value, Mapping):
        for key, inner in value.items():
            parts.append(f"{key}={_java(inner, room // 2)}")
            room -= len(parts[-1])
            if room <= 0:
                break
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list):
        for inner in value:
            parts.append(_java(inner, room // 2))
            room -= len(parts[-1])
            if room <= 0:
                break
        return "[" + ", ".join(parts) + "]"
    return "null" if value is None else str(value)
