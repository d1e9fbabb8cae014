"""Lists of records: what they filter and sort by is known to their nouns."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.model import StringShape

from sagewright.operations import unbuilt
from sagewright.operations.sagemaker.nouns import NOUNS
from sagewright.testing import examples
from sagewright.testing.asker import Asker, Refused
from sagewright.wire import model


def lists() -> list[str]:
    known = model.service("sagemaker").operation_names
    return [name for name in sorted(f"List{NOUNS.load(kind).plural}" for kind in NOUNS) if name in known]


@pytest.mark.parametrize("operation", lists())
def test_every_filter_and_order_that_a_list_offers_is_known(
    asker: Asker, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unbuilt, "unbuilt", lambda _service: {})
    asked = model.service("sagemaker").operation_model(operation)
    whole = examples.whole(asked)
    whole.pop("NextToken", None)
    order = asked.input_shape.members.get("SortBy") if asked.input_shape is not None else None
    for wanted in order.enum if isinstance(order, StringShape) else ("",):
        assert status(asker, operation, whole | ({"SortBy": wanted} if wanted else {})) < 500


def status(asker: Asker, operation: str, request: dict[str, Any]) -> int:
    try:
        asker.call(operation, **request)
    except Refused as refused:
        return refused.status
    return 200
