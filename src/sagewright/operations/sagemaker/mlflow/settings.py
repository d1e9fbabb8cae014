"""What tracking servers and apps are checked for alike, and how their updates are written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.record import Record

_OF_PROCESS: Final = ("ArtifactStoreUri", "AutomaticModelRegistration", "ModelRegistrationMode", "TrackingServerSize")
"""Members that a running MLflow is started anew for."""
_MAJOR: Final = ("2", "3")
"""MLflow's versions whose clients the server understands."""


def check(call: Call, request: Params) -> None:
    """Raises a ValidationException for an owner of the bucket or a version that cannot be."""
    owner = request.get("S3BucketOwnerAccountId", call.account)
    if request.get("S3BucketOwnerVerification") and owner != call.account:
        raise validation_error(f"Buckets here belong to account {call.account}, not to {owner}.")
    version = request.get("MlflowVersion", "3.0.0")
    if version.partition(".")[0] not in _MAJOR:
        raise validation_error(
            f"MLflow {version} is not supported. Leave MlflowVersion out, or name a version of MLflow 2 or 3."
        )


def updated(record: Record, given: Mapping[str, Any], life: Lifecycle, what: str) -> Record:
    """The record with what an Update… gives, on its way if MLflow runs. Raises ConflictException."""
    spec = {**record.spec, **given}
    if any(spec.get(member) != record.spec.get(member) for member in _OF_PROCESS):
        spec["generation"] = record.spec["generation"] + 1
    return moved(replace(record, spec=spec), "update", life, what)


def moved(record: Record, event: str, life: Lifecycle, what: str) -> Record:
    """The record after what a user asked of it. Raises ConflictException where that cannot be now."""
    if not life.allows(record.state, event):
        raise AwsError("ConflictException", f"{what} {record.name} is in status {record.state}: it cannot {event} now.")
    intent = {"stop": "stop", "delete": "delete"}.get(event, "run")
    return replace(record, state=life.after(record.state, event), intent=intent)


def change(event: str, life: Lifecycle, what: str) -> Callable[[Record], Record]:
    """What `Noun.amend` does for an event that changes nothing else."""
    return lambda record: moved(record, event, life, what)
