"""Operations that are not built yet, answered by the records behind them."""

from __future__ import annotations

import pytest

from sagewright.operations import unbuilt


@pytest.fixture
def everything_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unbuilt, "unbuilt", lambda _service: {})


@pytest.fixture
def role() -> str:
    """A role that is there from the start."""
    return "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
