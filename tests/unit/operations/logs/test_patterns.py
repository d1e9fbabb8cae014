"""Filter patterns."""

from __future__ import annotations

import pytest

from sagewright.operations.logs.patterns import BadPattern, compile_pattern

JSON = '{"level": "ERROR", "n": 4, "ok": true, "off": false, "gap": null, "a": {"b-c": ["x", {"d": "deep"}]}, "s": "4"}'


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR", True),
        ("ERROR", "an error", False),
        ("ERROR timeout", "timeout ERROR", True),
        ("ERROR timeout", "ERROR", False),
        ('"out of memory"', "it was out of memory", True),
        ('"out of memory"', "memory out of", False),
        (r'"say \"hi\""', 'they say "hi"', True),
        ("?ERROR ?WARN", "WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ("ERROR -timeout", "ERROR disk", True),
        ("ERROR -timeout", "ERROR timeout", False),
        ('-"time out"', "a time out", False),
        ("%E[0-9]+%", "E42", True),
        ("%E[0-9]+%", "E", False),
        ("validation:rmse=", "validation:rmse=3", True),
        ("{ $.level = ERROR }", JSON, True),
        ('{ $.level = "ERR*" }', JSON, True),
        ("{ $.level != ERROR }", JSON, False),
        ("{ $.nothing != ERROR }", JSON, False),
        ("{ $.n = 4 }", JSON, True),
        ('{ $.n = "4" }', JSON, False),
        ('{ $.s = "4" }', JSON, True),
        ("{ $.n > 3.5 && $.n <= 4 }", JSON, True),
        ("{ $.n < 4 || $.n >= 5 }", JSON, False),
        ("{ ($.n < 4 || $.ok IS TRUE) && $.off IS FALSE }", JSON, True),
        ("{ $.gap IS NULL }", JSON, True),
        ("{ $.level IS NULL }", JSON, False),
        ("{ $.nothing NOT EXISTS }", JSON, True),
        ("{ $.level EXISTS }", JSON, True),
        ('{ $.a.b-c[0] = "x" }', JSON, True),
        ('{ $.a["b-c"][1].d = %^de% }', JSON, True),
        ("{ $.a.b-c[9] = x }", JSON, False),
        ("{ $.n = 4 }", "no JSON { at all", False),
        ("{ $.ok = 1 }", JSON, False),
    ],
)
def test_what_matches(pattern: str, message: str, matches: bool) -> None:
    assert compile_pattern(pattern)(message) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        "[a, b]", "{ $.a = 1", "{ }", "{ $.a }", "{ a = 1 }", "{ $.a = }", "{ $.a > x }", "{ ($.a = 1 }",
        "{ $.a = 1 1 }", "{ $.a LIKE 1 }", "{ $.a && $.b }", '"open', "%[%", "{ $.a = 1 & }",
    ],
)  # fmt: skip
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)
