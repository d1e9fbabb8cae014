"""ListModelCardVersions: the versions that `model_card.py` keeps."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.operations.sagemaker.registry import model_card
from sagewright.operations.table import Operations

NOUN: Final = Noun(
    "ModelCardVersion",
    model_card.VERSION,
    resource_not_found("ModelCardVersion"),
    resource_not_found("ModelCardVersion"),
    name_member="ModelCardVersion",
    parents=("ModelCardName",),
    state_member="ModelCardStatus",
    sorts={"Version": "ModelCardVersion"},
)
operations = Operations()


@operations
def list_model_card_versions(call: Call, request: Params) -> Params:
    """The newest first."""
    name = model_card.NOUN.named(call, request).name
    return NOUN.list(call, {"SortBy": "Version", **request, "ModelCardName": name})
