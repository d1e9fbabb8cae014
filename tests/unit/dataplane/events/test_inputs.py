"""What targets get."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright.dataplane.events.inputs import InvalidInput, check, rendered

EVENT = {"id": "1", "detail": {"state": "OK", "list": [{"n": 1}, {"n": 2}], "text": 'a "b"', "number": 5}}
RULE = {"arn": "arn:rule", "name": "r", "time": "2026-01-01T00:00:00Z"}


def render(**target: Any) -> str:
    check(target)
    return rendered(target, EVENT, RULE)


def test_the_whole_event() -> None:
    assert json.loads(render()) == EVENT


def test_a_constant() -> None:
    assert render(Input='{"a": 1}') == '{"a": 1}'


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.detail.state", "OK"),
        ("$['detail']['number']", 5),
        ("$.detail.list[1]", {"n": 2}),
        ("$.detail.list[*].n", [1, 2]),
        ("$.detail.list[7]", None),
        ("$.nothing.here", None),
        ("$", EVENT),
    ],
)
def test_a_part(path: str, value: Any) -> None:
    assert json.loads(render(InputPath=path)) == value


def test_a_template() -> None:
    paths = {"s": "$.detail.state", "t": "$.detail.text", "l": "$.detail.list", "n": "$.detail.number", "no": "$.no"}
    template = '{"s": <s>, "said": "<t> and <s>", "l": <l>, "n": <n>, "no": <no>, "none": "<no>"}'
    got = render(InputTransformer={"InputPathsMap": paths, "InputTemplate": template})
    assert json.loads(got) == {
        "s": "OK",
        "said": 'a "b" and OK',
        "l": [{"n": 1}, {"n": 2}],
        "n": 5,
        "no": None,
        "none": "",
    }


def test_a_template_knows_its_rule_and_the_event() -> None:
    template = '{"rule": "<aws.events.rule-name>", "arn": <aws.events.rule-arn>, "event": <aws.events.event.json>}'
    got = render(InputTransformer={"InputTemplate": template})
    assert json.loads(got) == {"rule": "r", "arn": "arn:rule", "event": EVENT}


@pytest.mark.parametrize(
    "target",
    [
        {"Input": "no json"},
        {"Input": "1", "InputPath": "$"},
        {"InputPath": "detail"},
        {"InputPath": "$..detail"},
        {"InputPath": "$.a["},
        {"InputTransformer": {"InputTemplate": "<unknown>"}},
        {"InputTransformer": {"InputPathsMap": {"AWS.x": "$"}, "InputTemplate": "<AWS.x>"}},
        {"InputTransformer": {"InputPathsMap": {"x": "no"}, "InputTemplate": "<x>"}},
    ],
)
def test_what_cannot_be_rendered(target: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        check(target)
