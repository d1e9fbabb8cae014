"""Which partitions a table's properties project, and where they lie."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.base.errors import Terminal
from sagewright.controllers.athena import projection

NOW = 1_767_225_600.0  # 2026-01-01


def table(keys: str, **properties: str) -> dict[str, Any]:
    """One whose properties are told without `projection.`; `template` is storage.location.template."""
    told = {f"projection.{name.replace('__', '.')}": value for name, value in properties.items() if name != "template"}
    if "template" in properties:
        told["storage.location.template"] = properties["template"]
    return {
        "Parameters": {"projection.enabled": "true", **told},
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in keys.split()],
        "StorageDescriptor": {"Location": "s3://lake/rows/"},
    }


def values(found: projection.Projection, *keys: str) -> list[list[str] | None]:
    return [found.values(key) for key in keys]


def test_places_are_hives_unless_a_template_says_where() -> None:
    enum = {"kind__type": "enum", "kind__values": "a,b.c"}
    found = projection.of(table("kind", **enum), NOW)
    assert (found.bucket, found.prefix) == ("lake", "rows/kind=")
    keys = ("rows/kind=a/1", "rows/kind=b.c/deep/1", "rows/kind=bxc/1", "rows/kind=a", "rows/1")
    assert values(found, *keys) == [["a"], ["b.c"], None, None, None]
    found = projection.of(table("kind", **enum, template="s3://lake/x/${kind}-rows/of-${kind}"), NOW)
    assert values(found, "x/a-rows/of-a/1", "x/a-rows/of-b.c/1") == [["a"], None]


def test_whole_numbers_have_steps_and_digits() -> None:
    told = {"n__type": "integer", "n__range": "0,100", "n__interval": "50", "n__digits": "3"}
    found = projection.of(table("n", **told), NOW)
    assert values(found, "rows/n=050/f", "rows/n=50/f", "rows/n=051/f", "rows/n=150/f") == [["050"], None, None, None]


@pytest.mark.parametrize(
    ("told", "there", "not_there"),
    [
        (
            {"format": "yyyy-MM-dd", "range": "2025-12-30,NOW"},
            ["2025-12-30", "2026-01-01"],
            ["2025-12-29", "2026-01-02"],
        ),
        ({"format": "yyyy/MM/dd", "range": "NOW-1MONTH,NOW+1DAYS"}, ["2025/12/01", "2026/01/02"], ["2025/11/30"]),
        ({"format": "yyyy-MM", "range": "2025-01,NOW", "interval": "2"}, ["2025-03"], ["2025-04", "2024-11"]),
        (
            {
                "format": "yyyy-MM-dd'T'HH",
                "range": "2026-01-01T00,2026-01-02T00",
                "interval": "6",
                "interval.unit": "HOURS",
            },
            ["2026-01-01T12"],
            ["2026-01-01T13", "2026-13-01T00"],
        ),
    ],
)
def test_dates_lie_between_two(told: dict[str, str], there: list[str], not_there: list[str]) -> None:
    found = projection.of(table("d", d__type="date", **{f"d__{name}": value for name, value in told.items()}), NOW)
    assert values(found, *(f"rows/d={each}/f" for each in there)) == [[each] for each in there]
    assert values(found, *(f"rows/d={each}/f" for each in not_there)) == [None] * len(not_there)


@pytest.mark.parametrize(
    ("told", "property_"),
    [
        ({}, "projection.k.type"),
        ({"k__type": "enum"}, "projection.k.values"),
        ({"k__type": "integer", "k__range": "1"}, "projection.k.range"),
        ({"k__type": "integer", "k__range": "1,x"}, "projection.k.range"),
        ({"k__type": "date", "k__range": "NOW,NOW", "k__format": "EEE"}, "projection.k.format"),
        ({"k__type": "date", "k__range": "NOW,later", "k__format": "yyyy"}, "projection.k.range"),
        ({"k__type": "date", "k__range": "NOW,NOW", "k__format": "yyyy-MM-dd-HH"}, "projection.k.interval"),
        ({"k__type": "date", "k__range": "NOW,NOW", "k__format": "yyyy-yyyy"}, "projection.k.format"),
        ({"k__type": "date", "k__range": "NOW,NOW", "k__format": "yyyy", "k__interval": "9" * 5000}, "k.interval"),
        ({"k__type": "integer", "k__range": "1,2", "k__digits": "1000000000"}, "projection.k.digits"),
        ({"k__type": "injected", "template": "s3://lake/${other}"}, "other"),
        ({"k__type": "injected", "template": "s3://lake/x"}, "k"),
    ],
)
def test_what_cannot_be_read_is_named(told: dict[str, str], property_: str) -> None:
    with pytest.raises(Terminal, match=property_):
        projection.of(table("k", **told), NOW)


def test_it_is_plain_where_values_end() -> None:
    kinds = {"a__type": "injected", "b__type": "enum", "b__values": "x,y", "c__type": "integer", "c__range": "1,9"}
    found = projection.of(table("a b c", **kinds, template="s3://lake/${a}/${b}/n-${c}-of"), NOW)
    assert values(found, "any/x/n-2-of/f", "any/x/n-2/f") == [["any", "x", "2"], None]
    with pytest.raises(Terminal, match="must be followed by '/'"):
        projection.of(table("a b c", **kinds, template="s3://lake/${a}-${b}-${c}"), NOW)
