"""How a call is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, int]:
    """The code and the HTTP status a call is refused with."""
    response = _refusal(call, params)
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def refusal(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """The code and the sentence a call is refused with."""
    error = _refusal(call, params)["Error"]
    return error["Code"], error["Message"]


def _refusal(call: Callable[..., Any], params: dict[str, Any]) -> Any:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response
