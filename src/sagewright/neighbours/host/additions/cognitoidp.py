"""Tags of user pools after they were made."""

from __future__ import annotations

from typing import Any

from sagewright.base.errors import AwsError
from sagewright.neighbours.host.additions import Place

Params = dict[str, Any]


def list_tags_for_resource(place: Place, params: Params) -> Params:
    return {"Tags": dict(_tags(place, params))}


def tag_resource(place: Place, params: Params) -> Params:
    _tags(place, params).update(params["Tags"])
    return {}


def untag_resource(place: Place, params: Params) -> Params:
    tags = _tags(place, params)
    for key in params["TagKeys"]:
        tags.pop(key, None)
    return {}


def _tags(place: Place, params: Params) -> dict[str, str]:
    arn = params["ResourceArn"]
    pool = place.backend("cognitoidp").user_pools.get(arn.rpartition("/")[2])
    if pool is None or pool.arn != arn:
        raise AwsError("ResourceNotFoundException", f"No user pool {arn} is here.")
    # Where moto keeps what it does not look at, and where DescribeUserPool finds it.
    tags: dict[str, str] = pool.extended_config.setdefault("UserPoolTags", {})
    return tags
