"""Whether SageMaker may use Service Catalog: a switch per region, off from the start."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AlreadyExists
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

operations = Operations()
_KIND: Final = "servicecatalog-portfolio"
_NAME: Final = "status"


@operations
def enable_sagemaker_servicecatalog_portfolio(call: Call, request: Params) -> Params:
    return _set(call, "Enabled")


@operations
def disable_sagemaker_servicecatalog_portfolio(call: Call, request: Params) -> Params:
    return _set(call, "Disabled")


@operations
def get_sagemaker_servicecatalog_portfolio_status(call: Call, request: Params) -> Params:
    record = call.store.get(call.key(_KIND, _NAME))
    return {"Status": "Disabled" if record is None else record.state}


def _set(call: Call, state: str) -> Params:
    key = call.key(_KIND, _NAME)
    fresh = Record(key=key, uid=call.services.ids.token(), created=call.now, modified=call.now, state="Disabled")
    with suppress(AlreadyExists):
        call.store.create(fresh)
    call.store.amend(key, lambda record: replace(record, state=state, modified=call.now))
    return {}
