"""What is carried out of a statement as it was sent."""

from __future__ import annotations

import pytest

from sagewright.dataplane.athena.prepared import carried_out, check
from sagewright.dataplane.athena.tokens import SyntaxProblem

KEPT = {"q": "SELECT * FROM t WHERE a = ? AND b > ?"}


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("SELECT ?", ["1"], "SELECT 1"),
        ("PREPARE p FROM SELECT ?", [], "PREPARE p FROM SELECT ?"),
        ("EXECUTE q USING 'x, y', 2", [], "SELECT * FROM t WHERE a = 'x, y' AND b > 2"),
        ("execute q", ["'x'", "DATE '2024-01-01'"], "SELECT * FROM t WHERE a = 'x' AND b > DATE '2024-01-01'"),
    ],
)
def test_values_are_filled_in(text: str, values: list[str], expected: str) -> None:
    assert carried_out(text, values, KEPT.__getitem__) == expected


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("PREPARE p FROM SELECT ?", ["1"]),
        ("EXECUTE q USING 1", []),
        ("EXECUTE q USING 1, 2", ["1", "2"]),
        ("EXECUTE q USING 1, (SELECT 1)", []),
        ("EXECUTE q USING 1, 2 OR 1=1", []),
        ("EXECUTE q USING", []),
    ],
)
def test_what_is_no_value_is_refused(text: str, values: list[str]) -> None:
    with pytest.raises(SyntaxProblem):
        carried_out(text, values, KEPT.__getitem__)


def test_only_queries_are_prepared() -> None:
    check("INSERT INTO t SELECT ?")
    for text in ("DROP TABLE t", "CREATE VIEW v AS SELECT 1", "EXECUTE q"):
        with pytest.raises(SyntaxProblem, match="What is prepared"):
            check(text)
