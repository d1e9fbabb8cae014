"""What user and space settings have in common: a search for what they name, and how an update lies over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sagewright.operations.call import Call, Params
from sagewright.resources.record import Record
from sagewright.store.base import Query

SCRIPTS: Final = ("LifecycleConfigArn", "LifecycleConfigArns")
_HOLDERS: Final = ("domain", "space", "user-profile")


def named(settings: Any, member: str = "") -> Iterator[tuple[str, str]]:
    """Every string in settings, with the member that holds it."""
    if isinstance(settings, Mapping):
        for inner, value in settings.items():
            yield from named(value, inner)
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from named(value, member)
    elif isinstance(settings, str):
        yield member, settings


def laid_over(old: Params | None, new: Params) -> Params:
    """Settings after an update: what it does not mention stays."""
    return {**(old or {}), **new}


def using(call: Call, script: str) -> Iterator[Record]:
    """The domains, spaces and user profiles whose settings name the lifecycle configuration with that ARN."""
    for kind in _HOLDERS:
        for record in call.store.every(Query(call.account, call.region, kind)):
            if any(member in SCRIPTS and value == script for member, value in named(record.spec)):
                yield record
