"""Inference experiments: a shadow variant is tried with the requests of an endpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import endpoint
from sagewright.operations.sagemaker.listing import equals
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.record import Record

_OVER: Final = ("Completed", "Cancelled")


def _seen(record: Record) -> Params:
    return {
        "Arn": record.status["InferenceExperimentArn"],
        "EndpointMetadata": {"EndpointName": record.spec["EndpointName"]},
        "ModelVariants": [{**variant, "Status": "Creating"} for variant in record.spec["ModelVariants"]],
    }


NOUN: Final = Noun(
    "InferenceExperiment",
    "inference-experiment",
    resource_not_found("Inference experiment"),
    resource_in_use("Inference experiment"),
    name_member="Name",
    state_member="Status",
    filters={"Type": equals("Type")},
    also=_seen,
)
operations = NOUN.operations()


@operations
def create_inference_experiment(call: Call, request: Params) -> Params:
    check_role(call, request["RoleArn"])
    endpoint.NOUN.find(call, request["EndpointName"])
    return NOUN.answer(call, NOUN.create(call, request, state="Creating"))


@operations
def start_inference_experiment(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.amend(call, request["Name"], lambda record: replace(record, state="Starting")))


@operations
def update_inference_experiment(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.merge(call, request))


@operations
def stop_inference_experiment(call: Call, request: Params) -> Params:
    def stop(record: Record) -> Record:
        if record.state in _OVER:
            raise validation_error(f"The inference experiment {record.name} is {record.state} already.")
        status = {**record.status, **({"StatusReason": request["Reason"]} if "Reason" in request else {})}
        return replace(record, state="Cancelled", intent="stop", status=status)

    return NOUN.answer(call, NOUN.amend(call, request["Name"], stop))


@operations
def delete_inference_experiment(call: Call, request: Params) -> Params:
    def check(record: Record) -> None:
        if record.state not in _OVER:
            raise AwsError("ConflictException", f"The inference experiment is {record.state}. Stop it first.")

    record = NOUN.named(call, request)
    NOUN.remove(call, record, check)
    return NOUN.answer(call, record)
