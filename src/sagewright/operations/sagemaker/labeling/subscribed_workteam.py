"""Teams of vendors from the marketplace. There is no marketplace here, so nobody has subscribed to one."""

from __future__ import annotations

from typing import NoReturn

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations

operations = Operations()


@operations
def list_subscribed_workteams(call: Call, request: Params) -> Params:
    return {"SubscribedWorkteams": []}


@operations
def describe_subscribed_workteam(call: Call, request: Params) -> NoReturn:
    raise validation_error(f"The work team {request['WorkteamArn']} does not exist: there is no marketplace here.")
