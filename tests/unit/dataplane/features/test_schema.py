"""Records as they are kept and as they are sent."""

from __future__ import annotations

import orjson
from hypothesis import example, given
from hypothesis import strategies as some

from sagewright.dataplane.features.schema import Value, packed, sent, spread, unpacked

_TEXTS = some.text(max_size=20) | some.sampled_from(
    ['"},{"FeatureName":"', '","ValueAsString":"', "\1", "\2", "\\", '"']
)
_VALUES = some.dictionaries(_TEXTS, _TEXTS | some.lists(_TEXTS, max_size=3), max_size=5)


@given(_VALUES)
@example({"a": '\1"},{"FeatureName":"\2', "\2": "\\"})
def test_what_is_kept_is_what_is_sent(values: dict[str, Value]) -> None:
    kept = packed(values)
    assert spread(kept) == sent(values)
    assert unpacked(kept) == values


def test_a_record_that_is_kept_as_it_is_sent_is_read_too() -> None:
    values: dict[str, Value] = {"id": "1", "many": ["a", "b"]}
    assert unpacked(sent(values)) == values


def test_names_and_values_are_most_of_what_is_kept() -> None:
    values: dict[str, Value] = {f"feature{number}": str(number / 8) for number in range(20)}
    bare = sum(len(name) + len(str(value)) for name, value in values.items())
    assert len(packed(values)) < 1.5 * bare < len(orjson.dumps(values)) * 1.5
