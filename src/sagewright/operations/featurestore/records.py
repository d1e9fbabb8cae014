"""Records of feature groups. They are not kept yet: each operation finds its groups, then refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NoReturn

from botocore import xform_name

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.features import feature_group
from sagewright.operations.table import Operations

UNBUILT: Final[Mapping[str, str]] = {
    "BatchGetRecord": "get records of feature groups",
    "BatchWriteRecord": "put records into feature groups",
    "DeleteRecord": "delete records of feature groups",
    "GetRecord": "get records of feature groups",
    "ListRecords": "list records of feature groups",
    "PutRecord": "put records into feature groups",
    "UpdateRecord": "update records of feature groups",
}
"""What each operation would do, by operation: completes "Sagewright does not … yet"."""


def _refusing(what: str) -> Callable[[Call, Params], Params]:
    """An operation that is not built, but knows whether the group is there: clients act upon that."""

    def refuse(call: Call, request: Params) -> NoReturn:
        for name in _groups(request):
            if call.store.get(feature_group.NOUN.key(call, name)) is None:
                raise AwsError("ResourceNotFound", f"There is no FeatureGroup named {name}.", status=404)
        raise AwsError("ValidationError", f"Sagewright does not {what} yet. Nothing was changed.")

    return refuse


def _groups(request: Params) -> Iterator[str]:
    """The groups that a request names: itself, or in each entry of a batch."""
    for entry in (request, *request.get("Identifiers", ()), *request.get("Entries", ())):
        if "FeatureGroupName" in entry:
            yield entry["FeatureGroupName"]


operations = Operations()
for _operation, _what in UNBUILT.items():
    operations.add(xform_name(_operation), _refusing(_what))
