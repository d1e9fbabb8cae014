"""STS: who am I, and whose is a key."""

from __future__ import annotations

from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations

operations = Operations()


@operations
def get_caller_identity(call: Call, request: Params) -> Params:
    return {"UserId": call.principal.user_id, "Account": call.principal.account, "Arn": call.principal.arn}


@operations
def get_access_key_info(call: Call, request: Params) -> Params:
    return {"Account": call.account}
