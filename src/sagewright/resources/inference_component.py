"""The life of an inference component: a model with copies of its own on an endpoint that it shares with others.

Its spec is the request, with `model` (as `resources/model.py` reads it), `generation`, which each new specification
raises, and `update`, which each change does. Its controller writes status["RuntimeConfig"], the copies that there are,
and status["serving"], the routing table (`resources/routing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import InvalidTransition
from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.record import Record

KIND: Final = "inference-component"
LOG_GROUP: Final = "/aws/sagemaker/InferenceComponents/"

LIFE: Final = Lifecycle(
    noun="InferenceComponent",
    transitions={
        ("Creating", "serve"): "InService",
        ("Creating", "fail"): "Failed",
        ("InService", "update"): "Updating",
        ("InService", "serve"): "InService",
        ("Updating", "update"): "Updating",  # only while it waits for room: see `updated`
        ("Updating", "serve"): "InService",  # also when an update was rolled back: there is no state for that
        **{(state, "delete"): "Deleting" for state in ("Creating", "InService", "Updating", "Failed", "Deleting")},
    },
    # A component is never done: copies die and are replaced. Only a failed one is left alone.
    settled=("Failed",),
)


def resized(record: Record, copies: int) -> Record:
    """The component with another number of copies of what it serves now; 0 is one.

    Raises InvalidTransition while it is created, updated or deleted.
    """
    return updated(record, {"RuntimeConfig": {"CopyCount": copies}})


def updated(record: Record, wanted: Mapping[str, Any]) -> Record:
    """The component with other members of its spec, on top of what it serves now.

    An update that waits for room on the endpoint's instances may be changed, so that nobody has to wait for ever.
    Raises InvalidTransition while it is created, updated or deleted.
    """
    state = LIFE.after(record.state, "update")
    if record.state == "Updating" and not record.status.get("short"):
        raise InvalidTransition(f"Inference component {record.name} is being updated.")
    return replace(record, spec={**served(record), **wanted, "update": record.spec["update"] + 1}, state=state)


def served(record: Record) -> Mapping[str, Any]:
    """Its spec, where an update was rolled back with what was before that."""
    current: Mapping[str, Any] = record.status.get("current", {})
    return {**record.spec, **(current if was_rolled_back(record) else {})}


def was_rolled_back(record: Record) -> bool:
    """Whether its newest update did not come up."""
    return bool(record.status.get("abandoned") == record.spec["update"])
