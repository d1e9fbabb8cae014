"""Model cards: what there is to be said about a model. Other content makes a new version; another status does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.sagemaker.noun import Noun, resource_not_found, together
from sagewright.operations.sagemaker.registry import model_card_content
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

VERSION: Final = "model-card-version"
EXPORT: Final = "model-card/export-job"
_DIGITS: Final = 9


def _exists(name: str, arn: str) -> AwsError:
    return AwsError("ConflictException", f"Model card {name} already exists ({arn}). Choose another name.")


NOUN: Final = Noun("ModelCard", "model-card", resource_not_found("ModelCard"), _exists)
operations = NOUN.operations(but=("describe_model_card",))


@operations
def create_model_card(call: Call, request: Params) -> Params:
    model_card_content.check_object(request["Content"])
    spec = {member: value for member, value in request.items() if member != "ModelCardStatus"}
    card = NOUN.new(call, spec, state=request["ModelCardStatus"], status={"ModelCardVersion": 1})
    try:
        together(call.store, lambda: (("create", card), ("create", _version(call, card))))
    except AlreadyExists:
        raise _exists(card.name, card.status["ModelCardArn"]) from None
    return NOUN.answer(call, card)


@operations
def describe_model_card(call: Call, request: Params) -> Params:
    card = NOUN.named(call, request)
    view = {**NOUN.view(version(call, card, request.get("ModelCardVersion"))), "CreationTime": card.created}
    if request.get("IncludedData") == "MetadataOnly":
        view["Content"] = model_card_content.sanitised(view["Content"])
    return project(view, output_of(call))


@operations
def update_model_card(call: Call, request: Params) -> Params:
    if ("Content" in request) == ("ModelCardStatus" in request):
        raise validation_error("Give either Content or ModelCardStatus: one of them is updated at a time.")
    if "Content" in request:
        model_card_content.check_object(request["Content"])

    def updated() -> Sequence[Write]:
        card = NOUN.named(call, request)
        latest = version(call, card, None)
        if "ModelCardStatus" in request:
            card, latest = (
                NOUN.touched(call, replace(each, state=request["ModelCardStatus"])) for each in (card, latest)
            )
            return (("update", card), ("update", latest))
        status = {**card.status, "ModelCardVersion": card.status["ModelCardVersion"] + 1}
        spec = {**card.spec, "Content": request["Content"]}
        card = NOUN.touched(call, replace(card, spec=spec, status=status))
        return (("update", card), ("create", _version(call, card)))

    return NOUN.answer(call, together(call.store, updated)[0])


@operations
def delete_model_card(call: Call, request: Params) -> Params:
    """Takes its versions and what is known of its exports along."""

    def everything() -> Sequence[Write]:
        card = NOUN.named(call, request)
        under = (Query(call.account, call.region, kind, parent=card.name) for kind in (VERSION, EXPORT))
        return (("delete", card), *(("delete", each) for query in under for each in call.store.every(query)))

    together(call.store, everything)
    return {}


def version(call: Call, card: Record, number: int | None) -> Record:
    """One version of a card, the newest if no number is given. Raises ResourceNotFound."""
    wanted = card.status["ModelCardVersion"] if number is None else number
    found = call.store.get(call.key(VERSION, f"{wanted:0{_DIGITS}d}", card.name))
    if found is None:
        raise AwsError("ResourceNotFound", f"ModelCard [{card.name}] has no version {wanted}.")
    return found


def _version(call: Call, card: Record) -> Record:
    """The card as it stands, as a version of its own."""
    return replace(
        card,
        key=call.key(VERSION, f"{card.status['ModelCardVersion']:0{_DIGITS}d}", card.name),
        uid=call.services.ids.token(),
        spec={**card.spec, "ModelCardName": card.name},
        tags={},
        created=call.now,
        version=0,
    )
