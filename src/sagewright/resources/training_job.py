"""The life of a training job."""

from __future__ import annotations

from typing import Final

from sagewright.resources.lifecycle import Lifecycle

KIND: Final = "training-job"
LOG_GROUP: Final = "/aws/sagemaker/TrainingJobs"

LIFE: Final = Lifecycle(
    noun="TrainingJob",
    transitions={
        ("InProgress", "complete"): "Completed",
        ("InProgress", "fail"): "Failed",
        ("InProgress", "stop"): "Stopping",
        ("InProgress", "stopped"): "Stopped",  # by its own time limit
        ("Stopping", "stopped"): "Stopped",
        ("Stopping", "fail"): "Failed",
    },
    settled=("Completed", "Failed", "Stopped"),
)
