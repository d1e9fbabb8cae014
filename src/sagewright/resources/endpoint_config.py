"""Endpoint configurations, and how one comes about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sagewright.resources.arn import sagemaker_arn
from sagewright.resources.record import Key, Record

KIND: Final = "endpoint-config"


def new(account: str, region: str, request: Mapping[str, Any], *, now: float, uid: str) -> Record:
    """The record that CreateEndpointConfig makes of a request, for those who need one without being asked for it."""
    name = request["EndpointConfigName"]
    return Record(
        key=Key(account, region, KIND, "", name),
        uid=uid,
        created=now,
        modified=now,
        spec=request,
        status={"EndpointConfigArn": sagemaker_arn(region, account, KIND, name)},
    )
