"""Tags of permission sets, which moto takes and does not tell."""

from __future__ import annotations

from typing import Any

from sagewright.base.errors import AwsError
from sagewright.neighbours.host.additions import Place

Params = dict[str, Any]


def list_tags_for_resource(place: Place, params: Params) -> Params:
    return {"Tags": list(_permission_set(place, params).tags or [])}


def tag_resource(place: Place, params: Params) -> Params:
    found = _permission_set(place, params)
    tags = {pair["Key"]: pair for pair in [*(found.tags or []), *params["Tags"]]}
    found.tags = list(tags.values())
    return {}


def untag_resource(place: Place, params: Params) -> Params:
    found = _permission_set(place, params)
    found.tags = [pair for pair in found.tags or [] if pair["Key"] not in params["TagKeys"]]
    return {}


def _permission_set(place: Place, params: Params) -> Any:
    wanted = params["ResourceArn"]
    for found in place.backend("ssoadmin").permission_sets:
        if found.permission_set_arn == wanted:
            return found
    raise AwsError("ResourceNotFoundException", f"No permission set {wanted} is here.")
