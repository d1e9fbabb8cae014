"""Listings with a delimiter: names that share a beginning are told as one common prefix.

What a common prefix hides is skipped by seeking, so a page costs what it shows, not what lies below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote

from sagewright.operations.call import Params
from sagewright.operations.s3.refusals import invalid_argument

T = TypeVar("T")
P = TypeVar("P")

_PAST = "\U0010ffff" * 257
"""Appended to a prefix it sorts after every key of at most 1024 bytes that begins so."""

_LEAST, _MOST = 8, 1000


@dataclass(slots=True)
class Folded(Generic[T]):
    """One page: entries and common prefixes, in order."""

    entries: list[T] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""
    """The last key or common prefix of the page."""

    def __len__(self) -> int:
        return len(self.entries) + len(self.prefixes)


def past(prefix: str) -> str:
    """A name greater than all keys with this prefix, and less than all that follow them."""
    return prefix + _PAST


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """What a key is folded into: up to and with the first delimiter after the prefix; None if there is none."""
    at = key.find(delimiter, len(prefix)) if delimiter else -1
    return None if at < 0 else key[: at + len(delimiter)]


def fold(
    fetch: Callable[[P | None, int], Sequence[T]],
    *,
    key_of: Callable[[T], str],
    place_of: Callable[[T], P],
    place_past: Callable[[str], P],
    prefix: str,
    delimiter: str,
    after: P | None,
    shown: str | None,
    limit: int,
) -> Folded[T]:
    """One page of at most `limit` entries and common prefixes.

    `fetch(place, n)` gives up to n entries beyond a place, in order; `place_past(prefix)` is the place beyond all that
    begin with it. A common prefix that was `shown` before is not told again.
    """
    page: Folded[T] = Folded()
    if limit == 0:
        return page
    size = limit + 1 if not delimiter else _LEAST
    while True:
        size = min(size, _MOST + 1)
        batch = fetch(after, size)
        folded = 0
        for entry in batch:
            key = key_of(entry)
            common = common_prefix(key, prefix, delimiter)
            after = place_of(entry)
            if common is not None and common == shown:
                folded += 1
                continue
            if len(page) == limit:
                page.truncated = True
                return page
            page.last = shown = common if common is not None else key
            if common is None:
                page.entries.append(entry)
            else:
                page.prefixes.append(common)
        if len(batch) < size:
            return page
        if folded and shown is not None and common_prefix(key_of(batch[-1]), prefix, delimiter) == shown:
            # The rest of this prefix has nothing to tell.
            after = place_past(shown)
        # Folders hide much or nothing: read more while nothing is hidden.
        size = _LEAST if folded else size * 4


def page_size(value: int, name: str) -> int:
    """A `max-…` member. More than 1000 is 1000, as S3 has it."""
    if value < 0:
        raise invalid_argument(f"Argument {name} must be an integer between 0 and 2147483647", name, value)
    return min(value, _MOST)


class Encoded:
    """`encoding-type=url`: keys may hold what XML cannot."""

    def __init__(self, request: Params) -> None:
        self.asked = request.get("EncodingType")
        if self.asked not in (None, "url"):
            raise invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", self.asked)

    def __call__(self, text: str) -> str:
        return quote(text, safe="/") if self.asked else text

    def prefixes(self, prefixes: Sequence[str]) -> list[Params]:
        """Common prefixes as a document lists them."""
        return [{"Prefix": self(prefix)} for prefix in prefixes]

    def echo(self, request: Params, *names: str) -> Params:
        """The named members of the request, as the answer repeats them."""
        echoed: Params = {name: self(request[name]) for name in names if name in request}
        return {**echoed, "EncodingType": self.asked} if self.asked else echoed
