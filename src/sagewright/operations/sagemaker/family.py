"""A family of nouns: which there are, where they are, and what of them is not built yet."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_HERE: Final = "sagewright.operations.sagemaker"

FAMILIES: Final = (
    # Add a family here: a folder whose `__init__` says what is in it, as `FAMILY`.
    "automl",
    "clusters",
    "edge",
    "experiments",
    "features",
    "hub",
    "inference",
    "labeling",
    "lineage",
    "mlflow",
    "monitoring",
    "notebooks",
    "pipelines",
    "processing",
    "registry",
    "search",
    "studio",
    "training",
    "tuning",
)


@dataclass(frozen=True, slots=True)
class Family:
    """What a family's `__init__` declares. Modules are named without their package and hold `operations`."""

    nouns: Mapping[str, str]
    """By the resource type in ARNs: the module whose `NOUN` it is, or `module:NAME` for one of several in a module. The
    type of `pipeline/NAME/execution/ID` is `pipeline/execution`."""
    others: Sequence[str] = ()
    """Modules with operations that belong to no noun of their own."""
    kept: Sequence[str] = ()
    """Modules that keep records on which nothing works yet: what the reference page calls a record."""
    unbuilt: Mapping[str, str] = field(default_factory=dict)
    """Operations that refuse, by name, with what they would do: completes "Sagewright does not … yet". The function
    behind may already keep the record, so that building the behaviour is deleting the line."""


def families() -> Iterator[tuple[str, Family]]:
    """Each family with its package."""
    for name in FAMILIES:
        package = f"{_HERE}.{name}"
        yield package, importlib.import_module(package).FAMILY


def modules() -> tuple[str, ...]:
    """All modules that answer operations of SageMaker."""
    found = [f"{_HERE}.tags"]
    for package, family in families():
        places = [place.partition(":")[0] for place in family.nouns.values()]
        found += [f"{package}.{module}" for module in dict.fromkeys((*places, *family.others))]
    return tuple(found)


def nouns() -> Mapping[str, str]:
    """`module:attribute` of each noun, by the resource type in its ARN."""
    found = {}
    for package, family in families():
        for kind, place in family.nouns.items():
            module, _, attribute = place.partition(":")
            found[kind] = f"{package}.{module}:{attribute or 'NOUN'}"
    return found


def unbuilt() -> Mapping[str, str]:
    """What each operation that is not built would do."""
    return {operation: what for _, family in families() for operation, what in family.unbuilt.items()}
