"""Where objects and their versions are kept in the store.

What a plain read finds is the record of kind `object` whose name is the key, as if there were no other versions: to
read, write and list what is current costs the same however many versions lie behind it. Those, and delete markers
always, are records of kind `version`; in the order of their names they stand by key, those of one key newest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store

OBJECT: Final = "object"
VERSION: Final = "version"

_MARK: Final = "\x01"
"""Between key and suffix in a version's name."""
END: Final = "\U0010ffff"
"""A suffix behind all others."""
# Nothing in a key may sort before the mark, or versions of `a` and `a\x00` would stand among each other.
_ESCAPES: Final = {0: "\x02\x01", 1: "\x02\x02", 2: "\x02\x03"}
_TOP: Final = (1 << 64) - 1
_DIGITS: Final = 16
_BATCH: Final = 1000


def key_of(record: Record) -> str:
    """The object's key, of a record of either kind."""
    return str(record.spec["key"]) if record.key.kind == VERSION else record.key.name


def escaped(key: str) -> str:
    """A key, or the beginning of one, as versions' names have it."""
    return key.translate(_ESCAPES)


def name(key: str, suffix: str) -> str:
    """A version's name; an empty suffix gives the place before all versions of the key."""
    return f"{escaped(key)}{_MARK}{suffix}"


def version_id(order: int, token: str) -> str:
    """A version's id; those of later versions (of greater `order`) sort before those of earlier ones."""
    return f"{_TOP - order:0{_DIGITS}x}{token}"


def order(record: Record) -> int:
    """When a version was written, among the others of its key: microseconds since the epoch, more or less."""
    version: str | None = record.spec.get("version")
    if version is not None:
        return _TOP - int(version[:_DIGITS], 16)
    # Only null versions in a bucket with others say it.
    given: int | None = record.spec.get("order")
    return int(record.modified * 1e6) if given is None else given


def suffix(record: Record) -> str:
    """What a version's name ends in: its id; the null version's is made up from its order."""
    version: str | None = record.spec.get("version")
    return version_id(order(record), "null") if version is None else version


def behind(store: Store, at: Key, *, limit: int, after: str = "") -> list[Record]:
    """Versions of one key but the current one, newest first, from the first one beyond the suffix `after`.

    `at` is the key of any record of the object.
    """
    prefix = (escaped(at.name) if at.kind == OBJECT else at.name.rpartition(_MARK)[0]) + _MARK
    query = Query(at.account, "", VERSION, parent=at.parent, name_prefix=prefix, name_after=prefix + after)
    return list(store.list(query, limit=limit).records)


def every(store: Store, at: Key) -> Iterator[Record]:
    """All versions of one key, the current one first. `at` is the key of any record of the object, there or not."""
    key = at.name if at.kind == OBJECT else _unescaped(at.name.rpartition(_MARK)[0])
    current = store.get(Key(at.account, "", OBJECT, at.parent, key))
    if current is not None:
        yield current
    after = ""
    while batch := behind(store, at, limit=_BATCH, after=after):
        yield from batch
        after = suffix(batch[-1])


def _unescaped(spelled: str) -> str:
    return re.sub("\x02(.)", lambda found: chr(ord(found[1]) - 1), spelled)
