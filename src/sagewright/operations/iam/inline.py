"""Policies that users, groups and roles hold themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam.documents import check_identity_policy, encoded, size
from sagewright.operations.iam.entities import ALL, Entity
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import limit_exceeded, no_such_entity
from sagewright.operations.table import Handler, Operations
from sagewright.resources.record import Record

operations = Operations()

QUOTAS: Final[Mapping[str, int]] = {"user": 2_048, "group": 5_120, "role": 10_240}
"""How many characters all inline policies of one may have together, blanks not counted."""


def _put(entity: Entity) -> Handler:
    def put(call: Call, request: Params) -> Params:
        name, document = request["PolicyName"], request["PolicyDocument"]
        check_identity_policy(document)

        def held(record: Record) -> Record:
            documents = {**record.spec["Inline"], name: document}
            if sum(map(size, documents.values())) > QUOTAS[entity.noun]:
                raise limit_exceeded(
                    f"Maximum policy size of {QUOTAS[entity.noun]} bytes exceeded for {entity.noun} {record.name}"
                )
            return _with(record, documents)

        entity.change(call, entity.name(request), held)
        return {}

    return put


def _get(entity: Entity) -> Handler:
    def get(call: Call, request: Params) -> Params:
        record, name = entity.find(call, entity.name(request)), request["PolicyName"]
        if name not in record.spec["Inline"]:
            raise _missing(entity, name)
        document = encoded(record.spec["Inline"][name])
        return {f"{entity.title}Name": record.name, "PolicyName": name, "PolicyDocument": document}

    return get


def _list(entity: Entity) -> Handler:
    def listed(call: Call, request: Params) -> Params:
        names = sorted(entity.find(call, entity.name(request)).spec["Inline"])
        shown, more = page(names, request, "PolicyNames", str)
        return {"PolicyNames": shown, **more}

    return listed


def _delete(entity: Entity) -> Handler:
    def delete(call: Call, request: Params) -> Params:
        name = request["PolicyName"]

        def without(record: Record) -> Record:
            if name not in record.spec["Inline"]:
                raise _missing(entity, name)
            return _with(record, {each: text for each, text in record.spec["Inline"].items() if each != name})

        entity.change(call, entity.name(request), without)
        return {}

    return delete


def _with(record: Record, documents: Mapping[str, str]) -> Record:
    return replace(record, spec={**record.spec, "Inline": documents})


def _missing(entity: Entity, name: str) -> AwsError:
    return no_such_entity(f"The {entity.noun} policy with name {name} cannot be found.")


for _entity in ALL:
    operations.add(f"put_{_entity.noun}_policy", _put(_entity))
    operations.add(f"get_{_entity.noun}_policy", _get(_entity))
    operations.add(f"list_{_entity.noun}_policies", _list(_entity))
    operations.add(f"delete_{_entity.noun}_policy", _delete(_entity))
