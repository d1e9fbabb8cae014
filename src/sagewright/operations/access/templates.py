"""Templates of ARNs that a request fills. Pure.

    endpoint/{EndpointName}             a member of the request
    feature-group/{Ids[].Name}          one ARN for each element of a list
    log-group:{name|identifier}         the first of these members that is there
    schedule/{GroupName=default}/{Name} a default; without one, what is not there is `*`
    ?image/{ImageName}                  no ARN at all where a member is not there
    {ResourceArn}                       a member that is the ARN itself

A member that names a thing may hold its ARN: that is the resource then. `{region}` and `{account}` are the call's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_HOLE: Final = re.compile(r"\{([^}]+)\}")
_UNKNOWN: Final = "*"


class Path:
    """Where a member is: `A.B[].C`."""

    __slots__ = ("_first", "_rest")

    def __init__(self, spelled: str) -> None:
        first, _, rest = spelled.replace("[]", "").partition(".")
        self._first = first
        self._rest = Path(rest) if rest else None

    def values(self, request: Any) -> Iterator[str]:
        """All texts that are there."""
        found = request.get(self._first) if isinstance(request, Mapping) else None
        for each in found if isinstance(found, list) else (found,):
            if self._rest is not None:
                yield from self._rest.values(each)
            elif isinstance(each, str):
                yield each


class _Hole:
    __slots__ = ("_paths", "default")

    def __init__(self, spelled: str) -> None:
        names = [name.partition("=") for name in spelled.split("|")]
        self._paths = [Path(name) for name, _, _ in names]
        self.default = next((default for _, _, default in names if default), None)

    def values(self, request: Mapping[str, Any]) -> Sequence[str]:
        for path in self._paths:
            found = [*path.values(request)]
            if found:
                return found
        return () if self.default is None else (self.default,)


class Template:
    """One template, ready to be filled."""

    __slots__ = ("_bound", "_lower", "_optional", "_text", "members")

    def __init__(self, text: str, *, base: str, lower: bool) -> None:
        """`base` comes in front of what is no ARN yet; with `lower`, names are lower-cased as SageMaker does."""
        self._optional = text.startswith("?")
        text = text.removeprefix("?")
        self._text = text if text.startswith("arn:") else base + text
        self._lower = lower
        holes = [hole for hole in _HOLE.findall(self._text) if hole not in ("region", "account")]
        names = [name.partition("=")[0] for hole in holes for name in hole.split("|")]
        self.members: Sequence[str] | None = None if any("." in name or "[" in name for name in names) else names
        """The members of the request that it takes; None where they are not the request's own."""
        self._bound: dict[tuple[str, str], Sequence[str | _Hole]] = {}

    def arns(self, request: Mapping[str, Any], *, region: str, account: str) -> Sequence[str]:
        """What the request is about."""
        parts = self._bound.get((region, account)) or self._bind(region, account)
        found = [""]
        for part in parts:
            if isinstance(part, str):
                found = [each + part for each in found]
                continue
            values = part.values(request)
            if not values and self._optional:
                return ()
            found = [_with(each, value) for each in found for value in values or (_UNKNOWN,)]
        return [_lowered(arn) for arn in found] if self._lower else found

    def _bind(self, region: str, account: str) -> Sequence[str | _Hole]:
        """The template's texts and holes in turn. Servers have few regions, and one account."""
        own = {"region": region, "account": account}
        parts: list[str | _Hole] = []
        for number, piece in enumerate(_HOLE.split(self._text)):
            if number % 2 and piece not in own:
                parts.append(_Hole(piece))
                continue
            text = own[piece] if number % 2 else piece
            before = parts[-1] if parts else None
            if isinstance(before, str):
                parts[-1] = before + text
            else:
                parts.append(text)
        if len(self._bound) < _REGIONS:
            self._bound[region, account] = parts
        return parts


_REGIONS: Final = 64


def _with(before: str, value: str) -> str:
    """An ARN replaces what stands before it; some end in `:*`, for all that is in a thing."""
    return value.removesuffix(":*") if value.startswith("arn:") else before + value


def _lowered(arn: str) -> str:
    parts = arn.split(":", 5)
    return ":".join((*parts[:5], parts[5].lower())) if len(parts) == 6 else arn
