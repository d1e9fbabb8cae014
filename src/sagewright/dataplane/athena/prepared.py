"""Statements that are kept under a name, and what a statement with parameters amounts to."""

from __future__ import annotations

from collections.abc import Callable

from sagewright.dataplane.athena.parsing import parse
from sagewright.dataplane.athena.statements import Execute, Query
from sagewright.dataplane.athena.tokens import Reader, SyntaxProblem, filled_in
from sagewright.resources.record import Record


def carried_out(text: str, values: list[str], kept: Callable[[str], str]) -> str:
    """What is carried out of a statement as it was sent with its execution parameters. `kept` gives a prepared
    statement by its name. Raises SyntaxProblem."""
    first = Reader(text).next
    if first.says("prepare"):
        if values:
            raise SyntaxProblem("SYNTAX_ERROR: Give values to EXECUTE, not to PREPARE.")
        return text  # its question marks are filled in when it is executed
    if not first.says("execute"):
        return filled_in(text, values)
    statement = parse(text)
    assert isinstance(statement, Execute)
    if statement.values and values:
        raise SyntaxProblem("SYNTAX_ERROR: Give values by USING or as ExecutionParameters, not both.")
    return filled_in(kept(statement.name), [*statement.values] or values)


def check(text: str) -> None:
    """Raises SyntaxProblem for what cannot be prepared."""
    statement = parse(text)
    if not isinstance(statement, Query) or statement.kind == "CREATE_VIEW":
        raise SyntaxProblem("NOT_SUPPORTED: What is prepared is a SELECT, CREATE TABLE AS, INSERT INTO or UNLOAD.")


def text_of(record: Record) -> str:
    """What a query carries out, its parameters filled in. `prepared` in its spec is what EXECUTE amounts to."""
    spec = record.spec
    found: str | None = spec.get("prepared")
    if found is not None:
        return found
    return carried_out(spec["QueryString"], spec.get("ExecutionParameters", []), str)
