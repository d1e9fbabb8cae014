"""Human task UIs: the page that a worker sees."""

from __future__ import annotations

import hashlib
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use, resource_not_found
from sagewright.resources.record import Record


def _seen(record: Record) -> Params:
    """The template's fingerprint instead of the template. No address: no page serves it yet."""
    return {"UiTemplate": {"ContentSha256": record.status["ContentSha256"]}}


NOUN: Final = Noun(
    "HumanTaskUi",
    "human-task-ui",
    resource_not_found("Human task UI"),
    resource_in_use("Human task UI"),
    also=_seen,
)
operations = NOUN.operations()


@operations
def create_human_task_ui(call: Call, request: Params) -> Params:
    fingerprint = hashlib.sha256(request["UiTemplate"]["Content"].encode()).hexdigest()
    record = NOUN.create(call, request, state="Active", status={"ContentSha256": fingerprint})
    return NOUN.answer(call, record)


@operations
def delete_human_task_ui(call: Call, request: Params) -> Params:
    def check(record: Record) -> None:
        used = AwsError("ResourceInUse", f"The human task UI {record.name} is used by a flow definition.")
        refuse_while(call, used, "flow-definition", facets={"HumanTaskUiArn": record.status["HumanTaskUiArn"]})

    NOUN.remove(call, NOUN.named(call, request), check)
    return {}
