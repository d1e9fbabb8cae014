"""The catalog of an account's feature groups, which is there from the start: what is shared to let others find them."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from sagewright.base.errors import AlreadyExists
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, already_exists, resource_not_found
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn

DEFAULT: Final = "DefaultFeatureGroupCatalog"
NOUN: Final = Noun(
    "ResourceCatalog",
    "sagemaker-catalog",
    resource_not_found("Resource catalog"),
    already_exists("Resource catalog"),
)
operations = Operations()


@operations
def list_resource_catalogs(call: Call, request: Params) -> Params:
    """Those of other accounts would be here too: this one is the only account, so nobody shares any."""
    ensure_default(call)
    return NOUN.list(call, request)


def ensure_default(call: Call) -> None:
    """Written down when it is first asked for, so that its time of creation stays."""
    if call.store.get(call.key(NOUN.kind, DEFAULT)) is None:
        told = {"ResourceCatalogName": DEFAULT, "Description": "All feature groups of the account in this region."}
        # Unlike other ARNs of SageMaker's, this one keeps its capitals.
        arn = str(Arn("aws", "sagemaker", call.region, call.account, f"{NOUN.kind}/{DEFAULT}"))
        with suppress(AlreadyExists):
            call.store.create(NOUN.new(call, told, arn=arn))
