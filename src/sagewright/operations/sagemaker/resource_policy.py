"""Resource policies that SageMaker's nouns hold (endpoints, model package groups, lineage groups)."""

from __future__ import annotations

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.iam.documents import check_whom, statements


def check(document: str) -> None:
    """Raises a ValidationException for a document that is no resource policy."""
    try:
        for statement in statements(document):
            check_whom(statement)
    except AwsError as error:
        raise validation_error(f"Invalid resource policy: {error.message}") from None
