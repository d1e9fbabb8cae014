"""The life of an endpoint."""

from __future__ import annotations

from typing import Final

from sagewright.resources.lifecycle import Lifecycle

KIND: Final = "endpoint"
LOG_GROUP: Final = "/aws/sagemaker/Endpoints/"

LIFE: Final = Lifecycle(
    noun="Endpoint",
    transitions={
        ("Creating", "serve"): "InService",
        ("Creating", "fail"): "Failed",
        ("InService", "update"): "Updating",
        ("InService", "serve"): "InService",
        ("Updating", "serve"): "InService",
        ("Updating", "fail"): "RollingBack",
        ("Updating", "abandon"): "Failed",  # there is nothing to roll back to
        ("RollingBack", "serve"): "InService",
        ("Failed", "update"): "Updating",
        **{
            (state, "delete"): "Deleting"
            for state in (
                "Creating",
                "InService",
                "Updating",
                "RollingBack",
                "Failed",
                "OutOfService",
                "Deleting",
            )
        },
    },
    # An endpoint is never done: instances die and are replaced. Only a failed one is left alone.
    settled=("Failed",),
)
