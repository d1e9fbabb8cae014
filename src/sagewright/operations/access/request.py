"""The context of one decision: condition keys, made only when a policy asks for them.

Keys that every service has: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sagewright.operations.access.patterns import NOTHING, Context
from sagewright.operations.access.times import instant
from sagewright.operations.call import Call, Params

Values = Sequence[str] | None
Source = Callable[["Request", str], Values]
"""From a request and a whole key, lower-cased, to the key's values."""
Sources = Mapping[str, Source]
"""By key, or by prefix with its slash: `aws:requesttag/`."""


_NO_SOURCES: Final[Sources] = {}


class Request:
    """What a policy may ask of one action on one resource."""

    __slots__ = ("_claims", "_extra", "_known", "_sources", "asked", "call", "keys", "params", "resource")

    def __init__(
        self,
        call: Call,
        params: Params,
        resource: str,
        *,
        claims: Context = NOTHING,
        sources: Sources = _NO_SOURCES,
        keys: frozenset[str] = frozenset(),
        extra: Context = NOTHING,
    ) -> None:
        """`claims` are the caller's keys, `sources` the service's, `extra` those of this action only; `keys` are the
        service's keys that the operation has."""
        self.call, self.params, self.resource, self.keys = call, params, resource, keys
        self._claims, self._sources, self._extra = claims, sources, extra
        self._known: dict[str, Values] = {}
        self.asked = False
        """Whether any key was asked for: if not, the decision holds for all such requests."""

    def get(self, key: str, /) -> Values:
        self.asked = True
        if key not in self._known:
            self._known[key] = self._find(key)
        return self._known[key]

    def _find(self, key: str) -> Values:
        for context in (self._extra, self._claims):
            found = context.get(key)
            if found is not None:
                return found
        name, slash, _ = key.partition("/")
        source = self._sources.get(name + slash) or _OF_ANY.get(key)
        return None if source is None else source(self, key)


def _header(name: str) -> Source:
    def read(request: Request, _: str) -> Values:
        value = request.call.headers.get(name)
        return None if value is None else [value]

    return read


_OF_ANY: Final[Sources] = {
    "aws:currenttime": lambda request, _: [instant(request.call.now)],
    "aws:epochtime": lambda request, _: [str(int(request.call.now))],
    "aws:requestedregion": lambda request, _: [request.call.region],
    "aws:securetransport": lambda request, _: ["true" if request.call.host.startswith("https:") else "false"],
    "aws:sourceip": lambda request, _: [request.call.peer] if request.call.peer else None,
    "aws:useragent": _header("user-agent"),
    "aws:referer": _header("referer"),
    "aws:resourceaccount": lambda request, _: [request.call.account],
}
