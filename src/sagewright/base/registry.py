"""Tables of `name: "module:attribute"`, loaded on first use; entry points add rows from outside."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar, cast

T = TypeVar("T")


class Registry(Generic[T]):
    """A table of names. A wrong name is answered with the nearest right one."""

    def __init__(self, what: str, rows: Mapping[str, str], *, group: str | None = None) -> None:
        """`what` names a row in messages ("engine"); `group` is the entry-point group that adds rows."""
        self._what = what
        self._rows = dict(rows)
        self._group = group
        self._loaded: dict[str, T] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._all()))

    def __contains__(self, name: str) -> bool:
        return name in self._all()

    def load(self, name: str) -> T:
        """The object behind `name`. Raises LookupError with a suggestion when there is none."""
        if name not in self._loaded:
            rows = self._all()
            if name not in rows:
                near = difflib.get_close_matches(name, rows, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(sorted(rows))}."
                raise LookupError(f"No {self._what} is called {name!r}.{hint}")
            module, _, attribute = rows[name].partition(":")
            self._loaded[name] = cast(T, getattr(importlib.import_module(module), attribute))
        return self._loaded[name]

    def _all(self) -> dict[str, str]:
        if self._group is not None:
            found = importlib.metadata.entry_points(group=self._group)
            self._rows = {**{point.name: point.value for point in found}, **self._rows}
            self._group = None
        return self._rows
