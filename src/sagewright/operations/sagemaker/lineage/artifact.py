"""Artifacts: data and models by their address. Its source is what an artifact is known by: its ARN is made of it."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.lineage import entity, lineage_group
from sagewright.operations.sagemaker.noun import Noun
from sagewright.resources.lineage import artifact_id
from sagewright.resources.record import Record

NOUN: Final[Noun] = entity.declare("Artifact", "artifact", name_member="ArtifactArn")
operations = NOUN.operations()


@operations
def create_artifact(call: Call, request: Params) -> Params:
    """A request for the same artifact once more gets the one that is there, as long as it says nothing else of it."""
    name = artifact_id(request["Source"])
    record = NOUN.new(call, request, name=name, status={"LineageGroupArn": lineage_group.default_arn(call)})
    earlier = call.store.get(record.key)
    if earlier is None or (earlier.spec, earlier.tags) != (record.spec, record.tags):
        earlier = NOUN.create(call, request, name=name, status={"LineageGroupArn": lineage_group.default_arn(call)})
    return NOUN.answer(call, earlier)


@operations
def update_artifact(call: Call, request: Params) -> Params:
    return entity.updated(call, NOUN, request)


@operations
def delete_artifact(call: Call, request: Params) -> Params:
    return entity.deleted(call, NOUN, _meant(call, request))


def _meant(call: Call, request: Params) -> Record:
    if ("ArtifactArn" in request) == ("Source" in request):
        raise validation_error("Exactly one of ArtifactArn and Source must be given.")
    return NOUN.find(call, request["ArtifactArn"] if "ArtifactArn" in request else artifact_id(request["Source"]))
