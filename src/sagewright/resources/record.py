"""The record: what is wanted of one thing, and what happened to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple


class Key(NamedTuple):
    """Where a record lives. `parent` is the name of what owns it ('' for things that stand alone)."""

    account: str
    region: str
    kind: str
    parent: str
    name: str


@dataclass(frozen=True, slots=True)
class Record:
    """One thing, at one version. A frozen value: change it with `dataclasses.replace`, write it to the store.

    One writer per field: operations write `spec`, `intent` and `tags`; controllers write `status`. `state` moves by
    its noun's lifecycle only: by operations for what users ask, by controllers for what happened. Nouns without a
    life have no controller; the operation that creates them writes all of it.
    """

    key: Key
    uid: str
    """An id that no other record ever had, also not an earlier one of the same name."""
    created: float
    """Epoch seconds."""
    modified: float
    """Epoch seconds of the last write that a user would call a change."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """The decoded request that made it, as the service model names its members."""
    status: Mapping[str, Any] = field(default_factory=dict)
    """What happened: members of the Describe shape beyond the request's, and the controller's notes."""
    state: str = ""
    """Where it stands in its life (`InProgress`, `InService`, …); '' for nouns without one."""
    intent: str = "run"
    """What is wanted now: `run`, `stop` or `delete`."""
    tags: Mapping[str, str] = field(default_factory=dict)
    facets: Mapping[str, str] = field(default_factory=dict)
    """What listings find it by beyond its key and state: `{"DomainId": "d-…"}`. Indexed by the store. Values may
    change; names are those it was created with, '' standing for none."""
    version: int = 0
    """The store's count of writes; 0 means not stored yet."""

    @property
    def name(self) -> str:
        return self.key.name

    def tagged(self, tags: Mapping[str, str]) -> Record:
        """With these tags too."""
        return replace(self, tags={**self.tags, **tags})

    def untagged(self, keys: Collection[str]) -> Record:
        """Without the tags of these keys."""
        return replace(self, tags={key: value for key, value in self.tags.items() if key not in keys})
