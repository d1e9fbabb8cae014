"""The `context` that a user's function may ask for: the request's headers in, status and headers out.

Its methods are those of the model server that AWS's containers are built on, as far as scripts use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright_container.serving.base import Response


class Context:
    """One request, or the loading of the model, as seen by the user's functions."""

    def __init__(self, model_dir: str, headers: Mapping[str, str]) -> None:
        self.system_properties: dict[str, Any] = {"model_dir": model_dir, "gpu_id": None}
        self.manifest: dict[str, Any] = {}
        self._headers = headers
        self._status: int | None = None
        self._content_type: str | None = None
        self._more: list[tuple[str, str]] = []

    @property
    def request_processor(self) -> list[Context]:
        """MMS hands over one processor for each request of a batch; ours are batches of one."""
        return [self]

    def get_request_header(self, *key: Any) -> str | None:
        """A header by its name in any case. An index before the name is MMS's place in the batch."""
        return self._headers.get(str(key[-1]).lower())

    def get_all_request_header(self, _index: int = 0) -> dict[str, str]:
        """All headers, names in lower case."""
        return dict(self._headers)

    def get_request_content_type(self, _index: int = 0) -> str | None:
        """The request's Content-Type."""
        return self._headers.get("content-type")

    def get_request_properties(self) -> dict[str, str]:
        """The request's headers, under the name that MMS's processors use."""
        return dict(self._headers)

    def set_response_content_type(self, *value: Any) -> None:
        """Replace the answer's Content-Type."""
        self._content_type = str(value[-1])

    def set_response_header(self, *pair: Any) -> None:
        """Add a header to the answer."""
        self._more.append((str(pair[-2]).lower(), str(pair[-1])))

    def set_response_status(self, code: int = 200, *_phrase: Any, **_more: Any) -> None:
        """Replace the answer's status."""
        self._status = code

    def applied(self, response: Response) -> Response:
        """The response with what the user's functions have set."""
        return response._replace(
            content_type=self._content_type or response.content_type,
            status=self._status or response.status,
            headers=(*response.headers, *self._more),
        )
