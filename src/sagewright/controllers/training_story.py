"""What a training job says of how far it has come: its secondary status, and all that it said before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sagewright.resources.record import Record

MESSAGES: Final[Mapping[str, str]] = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading the training input",
    "DownloadingTrainingImage": "Preparing the training image's environment",
    "Training": "Training image download completed. Training in progress.",
    "Restarting": "Restarting the training job: the machine lost it",
    "Interrupted": "Training job interrupted: its Spot instances were reclaimed",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds",
    "MaxWaitTimeExceeded": "Training job exceeded MaxWaitTimeInSeconds before it could be completed",
}


def transition(record: Record, secondary: str, now: float, message: str | None = None) -> dict[str, Any]:
    """The status of a job that enters a secondary status; nothing where it is in it already."""
    story = [dict(each) for each in record.status["SecondaryStatusTransitions"]]
    if story and story[-1]["Status"] == secondary:
        return {}
    if story:
        story[-1].setdefault("EndTime", now)
    entry = {"Status": secondary, "StartTime": now, "StatusMessage": message or MESSAGES[secondary]}
    return {"SecondaryStatus": secondary, "SecondaryStatusTransitions": [*story, entry]}
