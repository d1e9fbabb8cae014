"""What a group's records consist of, and whether one does."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from sagewright.dataplane.features import event_time
from sagewright.dataplane.features.event_time import BadTime

Value = str | list[str]
LARGEST: Final = 350 * 1024
"""Bytes of names and values that a record may have."""
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}")
_LEAST, _MOST = -(2**63), 2**63 - 1


class BadRecord(ValueError):
    """A record that is none of the group's; the message says why."""


class Feature(NamedTuple):
    """`kind` is String, Integral or Fractional; `collection` List, Set, Vector or '' for single values."""

    name: str
    kind: str
    collection: str = ""
    dimension: int = 0


class Checked(NamedTuple):
    """A record that fulfils its schema. `time` is in microseconds since the epoch."""

    identifier: str
    time: int
    values: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Schema:
    """The features of a group, and which of them name a record and its time."""

    identifier: str
    time: str
    features: Mapping[str, Feature]

    @classmethod
    def of(cls, identifier: str, time: str, features: Iterable[Feature]) -> Schema:
        return cls(identifier, time, {feature.name: feature for feature in features})

    def text(self) -> str:
        """The same as text, for `read`."""
        return orjson.dumps([self.identifier, self.time, [list(each) for each in self.features.values()]]).decode()

    @classmethod
    def read(cls, text: str) -> Schema:
        identifier, time, features = orjson.loads(text)
        return cls.of(identifier, time, (Feature(*each) for each in features))

    def record(self, given: Sequence[tuple[str, Any]]) -> Checked:
        """What was given as (name, string or list of strings). Raises BadRecord."""
        values = self.some(given)
        for role, name in (("record identifier", self.identifier), ("event time", self.time)):
            if name not in values:
                raise BadRecord(f"The {role} feature {name} is missing. Give it a value.")
        return Checked(self.identified(str(values[self.identifier])), self.when(str(values[self.time])), values)

    def some(self, given: Sequence[tuple[str, Any]]) -> dict[str, Value]:
        """The same of some features of a record. Raises BadRecord."""
        values: dict[str, Value] = {}
        size = 0
        for name, value in given:
            feature = self.features.get(name)
            if feature is None:
                raise BadRecord(f"There is no feature named {name} in this feature group.")
            if name in values:
                raise BadRecord(f"Feature {name} is given more than once.")
            size += len(name) + _check(feature, value)
            values[name] = list(dict.fromkeys(value)) if feature.collection == "Set" else value
        if size > LARGEST:
            raise BadRecord(f"The record has {size} bytes; it may have {LARGEST} of names and values.")
        return values

    def identified(self, value: str) -> str:
        """The identifier, if it can be one. Raises BadRecord."""
        if not value:
            raise BadRecord(f"The record identifier feature {self.identifier} is empty. Give it a value.")
        _check(self.features[self.identifier], value)
        return value

    def when(self, value: str) -> int:
        """The event time in microseconds since the epoch. Raises BadRecord."""
        try:
            if self.features[self.time].kind == "String":
                return event_time.of_text(value)
            return event_time.of_number(value)
        except BadTime as error:
            raise BadRecord(f"The event time feature {self.time} {error}, not {_shown(value)}.") from None


_NEXT: Final = b'"},{"FeatureName":"', b"\1"
_IS: Final = b'","ValueAsString":"', b"\2"
"""What stands between names and values in nearly all records, and a byte for each that JSON has no other use for."""


def packed(values: Mapping[str, Value]) -> bytes:
    """A record as it is kept: a third of what is sent."""
    return sent(values).replace(*_NEXT).replace(*_IS)


def spread(data: bytes) -> bytes:
    """A packed record as it is sent: for whoever reads it no more than a copy."""
    return data.replace(*_NEXT[::-1]).replace(*_IS[::-1])


def sent(values: Mapping[str, Value]) -> bytes:
    """A record as JSON, in the form in which it is sent."""
    return orjson.dumps(
        [
            {"FeatureName": name, "ValueAsString" if isinstance(value, str) else "ValueAsStringList": value}
            for name, value in values.items()
        ]
    )


def unpacked(data: bytes) -> dict[str, Value]:
    """The values of a packed record."""
    return values_of(spread(data))


def values_of(record: bytes) -> dict[str, Value]:
    """The values of a record as it is sent."""
    return {
        each["FeatureName"]: each["ValueAsString"] if "ValueAsString" in each else each["ValueAsStringList"]
        for each in orjson.loads(record)
    }


def size(values: Mapping[str, Value]) -> int:
    """Bytes of names and values."""
    return sum(
        len(name) + (len(value.encode()) if isinstance(value, str) else sum(len(each.encode()) for each in value))
        for name, value in values.items()
    )


def _check(feature: Feature, value: Any) -> int:
    """The value's size in bytes. Raises BadRecord."""
    if not feature.collection:
        if not isinstance(value, str):
            raise BadRecord(f"Feature {feature.name} is no collection: give its value as ValueAsString.")
        return _check_one(feature, value)
    if not isinstance(value, list):
        raise BadRecord(f"Feature {feature.name} is a {feature.collection}: give its values as ValueAsStringList.")
    if feature.dimension and len(value) != feature.dimension:
        raise BadRecord(f"Feature {feature.name} has {feature.dimension} dimensions; {len(value)} values were given.")
    return sum(_check_one(feature, each) for each in value)


def _check_one(feature: Feature, value: str) -> int:
    kind = feature.kind
    if kind == "Integral":
        if _INTEGER.fullmatch(value) is None or not _LEAST <= int(value) <= _MOST:
            raise BadRecord(f"Feature {feature.name} is Integral: {_shown(value)} is no whole number of 64 bits.")
        return len(value)
    if kind == "Fractional":
        try:
            fine = math.isfinite(float(value))
        except ValueError:
            fine = False
        if not fine:
            raise BadRecord(f"Feature {feature.name} is Fractional: {_shown(value)} is no finite number.")
    try:
        return len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError:
        raise BadRecord(f"The value of feature {feature.name} is no text: it has half a surrogate pair.") from None


def _shown(value: str) -> str:
    return ascii(value if len(value) <= 40 else value[:40] + "…")
