"""Exports of model cards. Their ARNs stand under the card's."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.operations.sagemaker.registry import model_card
from sagewright.operations.table import Operations
from sagewright.resources.arn import sagemaker_arn
from sagewright.resources.record import Record


def _exists(name: str, arn: str) -> AwsError:
    return AwsError("ConflictException", f"Model card export job {name} already exists ({arn}). Choose another name.")


NOUN: Final = Noun(
    "ModelCardExportJob",
    model_card.EXPORT,
    resource_not_found("ModelCardExportJob"),
    _exists,
    parents=("ModelCardName",),
    state_member="Status",
    created_member="CreatedAt",
    modified_member="LastModifiedAt",
    facets={"Arn": "ModelCardExportJobArn", "ModelCardVersion": "ModelCardVersion"},
    filters={"ModelCardVersion": "ModelCardVersion"},
)
operations = Operations()


@operations
def create_model_card_export_job(call: Call, request: Params) -> Params:
    card = model_card.NOUN.named(call, request)
    version = model_card.version(call, card, request.get("ModelCardVersion"))
    name = request["ModelCardExportJobName"]
    arn = sagemaker_arn(call.region, call.account, model_card.NOUN.kind, f"{card.name}/export-job/{name}")
    spec = {**request, "ModelCardName": card.name, "ModelCardVersion": version.status["ModelCardVersion"]}

    def still_there() -> Record:
        return model_card.NOUN.find(call, card.name)

    return NOUN.answer(call, NOUN.create(call, spec, arn=arn, state="InProgress", under=still_there))


@operations
def describe_model_card_export_job(call: Call, request: Params) -> Params:
    return project(NOUN.view(NOUN.find(call, request["ModelCardExportJobArn"])), output_of(call))


@operations
def list_model_card_export_jobs(call: Call, request: Params) -> Params:
    card = model_card.NOUN.named(call, request)
    return NOUN.list(call, {**request, "ModelCardName": card.name})
