"""What is said about one feature: a description, parameters. It is kept with the feature's group."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.features import feature_group
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

operations = Operations()

_MOST: Final = 25
"""Parameters that a feature may have."""


@operations
def describe_feature_metadata(call: Call, request: Params) -> Params:
    group = feature_group.NOUN.named(call, request)
    return project(view(group, _definition(group, request["FeatureName"])), output_of(call))


@operations
def update_feature_metadata(call: Call, request: Params) -> Params:
    """Parameters are replaced by key. The group itself counts as unchanged."""
    name = request["FeatureName"]

    def update(group: Record) -> Record:
        _definition(group, name)
        metadata = group.status.get("metadata", {})
        said = _changed(metadata.get(name, {}), request) | {"LastModifiedTime": call.now}
        return replace(group, status={**group.status, "metadata": {**metadata, name: said}})

    group = feature_group.NOUN.named(call, request)
    if call.store.amend(group.key, update) is None:
        feature_group.NOUN.named(call, request)  # somebody deleted it: says so
    return {}


def view(group: Record, definition: Params) -> Params:
    """All that is known of one of a group's features."""
    name = definition["FeatureName"]
    created = group.status.get("since", {}).get(name, group.created)
    return {
        "FeatureGroupArn": group.status["FeatureGroupArn"],
        "FeatureGroupName": group.name,
        **definition,
        "CreationTime": created,
        "LastModifiedTime": created,
        **group.status.get("metadata", {}).get(name, {}),
    }


def _changed(said: Params, request: Params) -> Params:
    parameters = {each["Key"]: each for each in said.get("Parameters") or ()}
    parameters |= {each["Key"]: each for each in request.get("ParameterAdditions", ()) if "Key" in each}
    for key in request.get("ParameterRemovals", ()):
        parameters.pop(key, None)
    if len(parameters) > _MOST:
        raise validation_error(f"A feature may have {_MOST} parameters; this would make {len(parameters)}.")
    changed = {**said, "Parameters": list(parameters.values()) or None}
    if "Description" in request:
        changed["Description"] = request["Description"]
    return changed


def _definition(group: Record, name: str) -> Params:
    for definition in group.spec["FeatureDefinitions"]:
        if definition["FeatureName"] == name:
            return dict(definition)
    raise AwsError("ResourceNotFound", f"Feature [{name}] does not exist in FeatureGroup {group.name}.")
