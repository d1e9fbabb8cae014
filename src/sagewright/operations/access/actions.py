"""What each operation needs: its action, what it is about, which condition keys go with it, which roles it passes.

`actions.json` has it by service and operation. `tools/action_table.py` writes the file and says where its facts come
from. An operation without a row needs the action of its own name, on `*`.

    {"sagemaker": {"prefix": "sagemaker", "base": "arn:aws:sagemaker:{region}:{account}:",
                   "service": "sagemaker.amazonaws.com", "operations": {
        "CreateEndpoint": {"on": ["endpoint/{EndpointName}", …], "keys": […], "pass": […], "tag": true}}}}

    prefix      how its actions begin
    service     to whom it passes roles
    action      the action, where it is not `prefix:Operation`
    on          templates of ARNs (see `templates.py`); those that do not begin with `arn:` follow `base`
    keys        condition keys, without their prefix, that the action has
    pass        paths of members that hold roles: they need iam:PassRole
    tag         whether tags that come along need the service's AddTags
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.operations.access.templates import Path as MemberPath
from sagewright.operations.access.templates import Template
from sagewright.operations.ram.managed import types
from sagewright.wire import model

_TABLE: Final = Path(__file__).with_name("actions.json")


@dataclass(frozen=True, slots=True)
class Entry:
    """The row of one operation."""

    action: str
    resources: Sequence[Template]
    """Nothing for `*`."""
    keys: frozenset[str]
    """With their prefix, lower-cased."""
    passed: Sequence[MemberPath]
    service: str
    """To whom roles are passed."""
    tagging: str | None
    """The action that tags in the request need too."""
    members: Sequence[str] | None
    """The members that all of this depends on; None where it depends on more than a few names."""
    shared: bool
    """Whether it may be about what another account shares."""


@cache
def entry(service: str, operation: str) -> Entry:
    """What an operation needs."""
    own = _table().get(service, {})
    prefix = own.get("prefix") or model.SERVICES[service].signing_name
    row: Mapping[str, Any] = own.get("operations", {}).get(operation, {})
    base = own.get("base", "")
    resources = [Template(text, base=base, lower=prefix == "sagemaker") for text in row.get("on", ())]
    simple = not row.get("pass") and not row.get("tag") and all(template.members is not None for template in resources)
    return Entry(
        action=row.get("action", f"{prefix}:{operation}"),
        resources=resources,
        keys=frozenset(f"{prefix}:{key}".lower() for key in row.get("keys", ())),
        passed=[MemberPath(path) for path in row.get("pass", ())],
        service=own.get("service", f"{prefix}.amazonaws.com"),
        tagging=f"{prefix}:AddTags" if row.get("tag") else None,
        members=[member for template in resources for member in template.members or ()] if simple else None,
        shared=any(text.partition("/")[0] in types() for text in row.get("on", ())),
    )


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = orjson.loads(_TABLE.read_bytes())
    return table
