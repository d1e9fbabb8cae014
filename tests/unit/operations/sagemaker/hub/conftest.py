"""A hub, and contents for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sagewright.testing.asker import Asker


@pytest.fixture
def hub(asker: Asker) -> str:
    """The ARN of an empty hub."""
    return str(asker.call("CreateHub", HubName="Models", HubDescription="ours")["HubArn"])


@pytest.fixture
def put(asker: Asker, hub: str) -> Callable[..., dict[str, Any]]:
    """Imports a notebook."""

    def imported(name: str = "intro", **members: Any) -> dict[str, Any]:
        asked = {
            "HubName": "Models",
            "HubContentType": "Notebook",
            "HubContentName": name,
            "DocumentSchemaVersion": "1.0.0",
            "HubContentDocument": '{"NotebookLocation": "s3://b/intro.ipynb"}',
        }
        return asker.call("ImportHubContent", **(asked | members))

    return imported
