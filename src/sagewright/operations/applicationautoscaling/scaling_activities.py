"""Scaling activities: what was done about capacities, and why."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.scaling.activities import KEPT, NOT_SCALED
from sagewright.operations.applicationautoscaling.common import check_identity, target_key
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations
from sagewright.resources.scaling import ACTIVITY, IDENTITY, belongings
from sagewright.store.base import Query

operations = Operations()
_PAGE: Final = 50
_SCALED: Final = ("Pending", "InProgress", "Successful", "Overridden", "Unfulfilled", "Failed")


@operations
def describe_scaling_activities(call: Call, request: Params) -> Params:
    """The newest first."""
    if request["ServiceNamespace"] != "sagemaker":
        return {"ScalingActivities": []}
    named = all(member in request for member in IDENTITY)
    if named:
        check_identity(request)
    elif "ScalableDimension" in request:
        raise AwsError("ValidationException", "ScalableDimension is given together with a ResourceId only.")
    query = Query(
        call.account,
        call.region,
        ACTIVITY,
        parent=belongings(target_key(call, request)) if named else None,
        facets={"ResourceId": request["ResourceId"]} if "ResourceId" in request and not named else {},
        states=(*_SCALED, NOT_SCALED) if request.get("IncludeNotScaledActivities") else _SCALED,
        created_after=call.now - KEPT,
        sort_by="created",
        descending=True,
    )
    limit = min(max(request.get("MaxResults", _PAGE), 1), _PAGE)
    try:
        page = call.store.list(query, limit=limit, after=request.get("NextToken"))
    except ValueError:
        raise AwsError("InvalidNextTokenException", "The next token is not one that was handed out.") from None
    told = [{**record.spec, **record.status} for record in page.records]
    return {"ScalingActivities": told, **({"NextToken": page.next} if page.next else {})}
