"""Versions of pipelines: a definition each, a name to be displayed, and aliases, which the pipeline's record has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.listing import output_of, project, summaries
from sagewright.operations.sagemaker.noun import Noun, resource_not_found, together
from sagewright.operations.sagemaker.pipelines import pipeline
from sagewright.operations.table import Operations
from sagewright.store.base import Write

NOUN: Final = Noun(
    "PipelineVersion",
    pipeline.VERSION,
    resource_not_found("PipelineVersion"),
    resource_not_found("PipelineVersion"),
    name_member="PipelineVersionId",
    parents=("PipelineName",),
)
operations = Operations()

_NAMING: Final = ("PipelineVersionDisplayName", "PipelineVersionDescription")


@operations
def list_pipeline_versions(call: Call, request: Params) -> Params:
    of = pipeline.NOUN.named(call, request)
    member, shape = summaries(output_of(call))
    records, token = listing.select(call, {**request, "PipelineName": of.name}, NOUN)
    shown = [
        project({**NOUN.view(each), "PipelineVersionAliases": pipeline.aliases_of(of, each) or None}, shape)
        for each in records
    ]
    return {member: shown, **({"NextToken": token} if token is not None else {})}


@operations
def update_pipeline_version(call: Call, request: Params) -> Params:
    number = request["PipelineVersionId"]
    change = request.get("PipelineVersionAliasOperations", {})
    added, removed = change.get("Add", ()), change.get("Remove", ())
    if set(added) & set(removed):
        raise validation_error("An alias cannot be added and removed at once.")
    given: Params = {member: request[member] for member in _NAMING if member in request}

    def updated() -> Sequence[Write]:
        of = pipeline.NOUN.find(call, request["PipelineArn"])
        found = pipeline.version(call, of, number)
        aliases = dict(of.status["aliases"])
        for alias in removed:
            if aliases.pop(alias, None) != number:
                raise AwsError("ResourceNotFound", f"Version {number} of pipeline {of.name} has no alias {alias}.")
        aliases = pipeline.with_more(aliases, added, number)
        changed = replace(found, spec={**found.spec, **given}, modified=call.now)
        return (("update", changed), ("update", replace(of, status={**of.status, "aliases": aliases})))

    record = together(call.store, updated)[0]
    return {"PipelineArn": record.status["PipelineArn"], "PipelineVersionId": number}
