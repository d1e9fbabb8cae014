"""What feature definitions must fulfil beyond the model's constraints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Params

MOST: Final = 2500
"""Features that a group may have."""
_RESERVED: Final = frozenset({"api_invocation_time", "is_deleted", "write_time"})
_TIME_TYPES: Final = ("Fractional", "String")


def check_definitions(definitions: Sequence[Params], *, in_memory: bool) -> None:
    """All definitions of a group together. Raises a ValidationException."""
    names = [definition["FeatureName"] for definition in definitions]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise validation_error(f"Feature names must be unique. Given more than once: {', '.join(twice)}.")
    reserved = sorted(name for name in names if name.lower() in _RESERVED)
    if reserved:
        raise validation_error(f"The offline store has columns of its own named {', '.join(reserved)}. Choose others.")
    if len(names) > MOST:
        raise AwsError("ResourceLimitExceeded", f"A feature group may have {MOST} features; these are {len(names)}.")
    for definition in definitions:
        _check_collection(definition, in_memory)


def check_keys(request: Params) -> None:
    """The features that name a record and its time. Raises a ValidationException."""
    known = {definition["FeatureName"]: definition for definition in request["FeatureDefinitions"]}
    for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        definition = known.get(request[member])
        if definition is None:
            raise validation_error(f"{member} {request[member]} must be one of the FeatureDefinitions.")
        if "CollectionType" in definition:
            raise validation_error(f"{member} {request[member]} must not be a collection.")
    if known[request["EventTimeFeatureName"]]["FeatureType"] not in _TIME_TYPES:
        raise validation_error("The feature named by EventTimeFeatureName must be of type String or Fractional.")


def _check_collection(definition: Params, in_memory: bool) -> None:
    name, kind = definition["FeatureName"], definition.get("CollectionType")
    if kind is None:
        if "CollectionConfig" in definition:
            raise validation_error(f"Feature {name} has a CollectionConfig but no CollectionType.")
        return
    if not in_memory:
        raise validation_error(f"Feature {name} is a {kind}: collections need an online store of type InMemory.")
    if kind == "Vector":
        if definition["FeatureType"] != "Fractional":
            raise validation_error(f"Feature {name} is a Vector: its FeatureType must be Fractional.")
        if "VectorConfig" not in definition.get("CollectionConfig", {}):
            raise validation_error(f"Feature {name} is a Vector: CollectionConfig must say its Dimension.")
