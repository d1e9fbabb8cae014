"""Resource policies that SageMaker's nouns hold (endpoints, model package groups, lineage groups)."""

from __future__ import annotations

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.iam.documents import statements


def check(document: str) -> None:
    """Raises a ValidationException for a document that is no resource policy."""
    try:
        found = statements(document)
    except AwsError as error:
        raise validation_error(f"Invalid resource policy: {error.message}") from None
    if not all("Principal" in statement or "NotPrincipal" in statement for statement in found):
        raise validation_error("Invalid resource policy: each statement must say for whom it is (Principal).")
