"""Images of one's own: a name for versions that users make. Its record counts them and knows their aliases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found, together
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

VERSION: Final = "image-version"
NOUN: Final = Noun("Image", "image", resource_not_found("Image"), resource_in_use("Image"))
operations = NOUN.operations()


@operations
def create_image(call: Call, request: Params) -> Params:
    check_role(call, request["RoleArn"])
    return NOUN.answer(call, NOUN.create(call, request, state="CREATED"))


@operations
def update_image(call: Call, request: Params) -> Params:
    if "RoleArn" in request:
        check_role(call, request["RoleArn"])
    gone = request.get("DeleteProperties", ())
    given = {member: value for member, value in request.items() if member not in ("ImageName", "DeleteProperties")}

    def update(record: Record) -> Record:
        kept = {member: value for member, value in record.spec.items() if member not in gone}
        return replace(record, spec={**kept, **given})

    return NOUN.answer(call, NOUN.amend(call, request["ImageName"], update))


@operations
def delete_image(call: Call, request: Params) -> Params:
    """Takes its versions along; the container images that they were made from stay where they are."""

    def everything() -> Sequence[Write]:
        image = NOUN.named(call, request)
        return (("delete", image), *(("delete", version) for version in versions(call, image)))

    together(call.store, everything)
    return {}


def versions(call: Call, image: Record) -> Sequence[Record]:
    """All versions that an image has now."""
    return list(call.store.every(Query(call.account, call.region, VERSION, parent=image.name)))
