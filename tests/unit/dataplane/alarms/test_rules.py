"""Rules of composite alarms."""

from __future__ import annotations

import pytest

from sagewright.dataplane.alarms.rules import InvalidRule, parse

STATES = {"a": "ALARM", "b": "OK", "the third": "INSUFFICIENT_DATA"}


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("ALARM(a)", True),
        ('ALARM("b")', False),
        ("OK(b) AND ALARM(a)", True),
        ("ALARM(b) OR OK(a) OR ALARM(a)", True),
        ("NOT ALARM(a)", False),
        ("NOT (ALARM(b) OR OK(a))", True),
        ("ALARM(b) AND ALARM(a) OR TRUE", True),
        ("ALARM(a) AND (ALARM(b) OR INSUFFICIENT_DATA('the third'))", True),
        ("ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:a)", True),
        ("ALARM(nobody)", False),
        ("FALSE", False),
    ],
)
def test_what_holds(text: str, true: bool) -> None:
    assert parse(text).true(STATES) is true


def test_the_alarms_it_mentions() -> None:
    assert parse("ALARM(a) AND NOT (OK(b) OR TRUE)").alarms == {"a", "b"}


@pytest.mark.parametrize(
    "text", ["", "ALARM", "ALARM()", "ALARM(a) OK(b)", "(ALARM(a)", "ALARM(a))", "alarm(a)", "NOT", "(" * 99, "ANDY(a)"]
)
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(InvalidRule):
        parse(text)
