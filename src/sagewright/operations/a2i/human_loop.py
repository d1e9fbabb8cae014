"""Human loops: one prediction that people are asked about."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.labeling import flow_definition
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

_OVER: Final = ("Completed", "Failed", "Stopped")


def _missing(name: str, _arn: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Human loop {name} does not exist.", status=404)


def _exists(name: str, arn: str) -> AwsError:
    return AwsError("ConflictException", f"Human loop {name} already exists ({arn}). Choose another name.", status=409)


NOUN: Final = Noun(
    "HumanLoop",
    "human-loop",
    _missing,
    _exists,
    facets={"FlowDefinitionArn": "FlowDefinitionArn"},
    filters={"FlowDefinitionArn": "FlowDefinitionArn"},
)
operations = Operations()


@operations
def start_human_loop(call: Call, request: Params) -> Params:
    _flow(call, request)
    try:
        orjson.loads(request["HumanLoopInput"]["InputContent"])
    except ValueError:
        raise validation_error("HumanLoopInput.InputContent must be JSON: the page of the task reads it.") from None
    record = NOUN.create(call, request, state="InProgress", under=lambda: _flow(call, request))
    return NOUN.answer(call, record)


@operations
def describe_human_loop(call: Call, request: Params) -> Params:
    return project(NOUN.view(NOUN.named(call, request)), output_of(call))


@operations
def list_human_loops(call: Call, request: Params) -> Params:
    _flow(call, request)
    return listing.page(call, request, NOUN)


@operations
def stop_human_loop(call: Call, request: Params) -> Params:
    def stop(record: Record) -> Record:
        if record.state in _OVER:
            raise validation_error(f"The human loop {record.name} is {record.state} already.")
        return replace(record, state="Stopped", intent="stop")

    NOUN.amend(call, request["HumanLoopName"], stop)
    return {}


@operations
def delete_human_loop(call: Call, request: Params) -> Params:
    def check(record: Record) -> None:
        if record.state not in _OVER:
            raise validation_error(f"The human loop {record.name} is {record.state}. Stop it first.")

    NOUN.remove(call, NOUN.named(call, request), check)
    return {}


def _flow(call: Call, request: Params) -> Record:
    record = flow_definition.NOUN.by_arn(call.store, request["FlowDefinitionArn"], call.account)
    if record is None:
        message = f"Flow definition {request['FlowDefinitionArn']} does not exist."
        raise AwsError("ResourceNotFoundException", message, status=404)
    return record
