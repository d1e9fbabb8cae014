"""What Athena's operations share: its errors, its pages."""

from __future__ import annotations

from typing import Any

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.store.base import Page, Query


def invalid(message: str) -> AwsError:
    """The error that Athena gives for nearly everything that a caller got wrong."""
    return AwsError("InvalidRequestException", message, fields={"AthenaErrorCode": "INVALID_INPUT"})


def page(call: Call, query: Query, request: Params, most: int = 50) -> Page:
    """Some records. Raises AwsError for a token that no page gave."""
    try:
        return call.store.list(
            query, limit=min(request.get("MaxResults") or most, most), after=request.get("NextToken")
        )
    except ValueError:
        raise invalid("NextToken is not one that was handed out.") from None


def listed(member: str, shown: list[Any], found: Page) -> Params:
    return {member: shown, **({"NextToken": found.next} if found.next else {})}
