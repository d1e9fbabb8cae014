"""Lineage groups: each account has one per region, which is there from the start and holds all its lineage.

Policies of lineage groups come from shares with other accounts. There are none here, so there is never one to get.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, already_exists, resource_not_found
from sagewright.operations.table import Operations
from sagewright.resources.lineage import DEFAULT_GROUP

NOUN: Final = Noun(
    "LineageGroup", "lineage-group", resource_not_found("Lineage group"), already_exists("Lineage group")
)
operations = Operations()


def default_arn(call: Call) -> str:
    """The ARN of the group that everything belongs to."""
    return NOUN.arn(call, DEFAULT_GROUP)


@operations
def describe_lineage_group(call: Call, request: Params) -> Params:
    _ensure_default(call)
    return NOUN.answer(call, NOUN.named(call, request))


@operations
def list_lineage_groups(call: Call, request: Params) -> Params:
    _ensure_default(call)
    return NOUN.list(call, request)


@operations
def get_lineage_group_policy(call: Call, request: Params) -> Params:
    _ensure_default(call)
    group = NOUN.named(call, request)
    raise AwsError("ResourceNotFound", f"Lineage group {group.name} has no resource policy.")


def _ensure_default(call: Call) -> None:
    """Written down when it is first asked for, so that its time of creation stays."""
    if call.store.get(call.key(NOUN.kind, DEFAULT_GROUP)) is None:
        with suppress(AlreadyExists):
            call.store.create(NOUN.new(call, {"LineageGroupName": DEFAULT_GROUP, "DisplayName": DEFAULT_GROUP}))
