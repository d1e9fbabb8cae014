"""The life of an MLflow tracking server."""

from __future__ import annotations

from typing import Final

from sagewright.resources.lifecycle import Lifecycle

KIND: Final = "mlflow-tracking-server"
LOG_GROUP: Final = "/aws/sagemaker/MlflowTrackingServers/"
SESSION: Final = "mlflow-session"
"""The kind of records of presigned addresses and of browsers' sessions; their parent is the server's uid."""

_RUNS: Final = ("Created", "Started", "Updated")
_AT_REST: Final = ("Stopped", "CreateFailed", "StartFailed", "UpdateFailed")
_ON_THE_WAY: Final = ("Creating", "Starting", "Updating", "Stopping", "Deleting")

LIFE: Final = Lifecycle(
    noun="MlflowTrackingServer",
    transitions={
        ("Creating", "serve"): "Created",
        ("Creating", "fail"): "CreateFailed",
        ("Starting", "serve"): "Started",
        ("Starting", "fail"): "StartFailed",
        ("Updating", "serve"): "Updated",
        ("Updating", "fail"): "UpdateFailed",
        ("Stopping", "stopped"): "Stopped",
        **{(state, "update"): "Updating" for state in _RUNS},
        **{(state, "update"): state for state in _AT_REST},  # what it starts with next
        **{(state, "stop"): "Stopping" for state in _RUNS},
        **{(state, "start"): "Starting" for state in _AT_REST},
        **{(state, "delete"): "Deleting" for state in (*_RUNS, *_AT_REST, *_ON_THE_WAY)},
    },
    # A server that runs is never done: its process may end.
    settled=_AT_REST,
)
