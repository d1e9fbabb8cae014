"""Which condition keys policies ask for: what a simulation must be given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sagewright.operations.call import Call, Params
from sagewright.operations.iam import attached
from sagewright.operations.iam.documents import statements
from sagewright.operations.iam.records import GROUP, ROLE, USER, find_by_arn, no_such_entity
from sagewright.operations.table import Operations

operations = Operations()


@operations
def get_context_keys_for_custom_policy(call: Call, request: Params) -> Params:
    return {"ContextKeyNames": _keys(request["PolicyInputList"])}


@operations
def get_context_keys_for_principal_policy(call: Call, request: Params) -> Params:
    arn = request["PolicySourceArn"]
    found = (find_by_arn(call.store, call.account, kind, arn) for kind in (USER, GROUP, ROLE))
    entity = next((record for record in found if record is not None), None)
    if entity is None:
        raise no_such_entity(f"The entity with ARN {arn} cannot be found.")
    own = [source.text for source in attached.of(call.store, entity).identity]
    return {"ContextKeyNames": _keys([*own, *request.get("PolicyInputList", ())])}


def _keys(documents: Sequence[str]) -> list[str]:
    """Spelled as they are found first, those that differ in case alone once."""
    found: dict[str, str] = {}
    for document in documents:
        for statement in statements(document):
            for key in _asked(statement):
                found.setdefault(key.lower(), key)
    return sorted(found.values())


def _asked(statement: Any) -> Iterator[str]:
    for block in statement.get("Condition", {}).values():
        yield from block
    for variable in re.findall(r"\$\{([^{}]+)\}", repr(statement)):
        name = variable.partition(",")[0].strip()
        if ":" in name:  # ${*}, ${?} and ${$} stand for themselves
            yield name
