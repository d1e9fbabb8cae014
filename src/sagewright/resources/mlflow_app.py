"""The life of an MLflow app: a tracking server that nobody stops."""

from __future__ import annotations

from typing import Final

from sagewright.resources.lifecycle import Lifecycle

KIND: Final = "mlflow-app"
LOG_GROUP: Final = "/aws/sagemaker/MlflowApps/"

_RUNS: Final = ("Created", "Updated")
_AT_REST: Final = ("CreateFailed", "UpdateFailed")

LIFE: Final = Lifecycle(
    noun="MlflowApp",
    transitions={
        ("Creating", "serve"): "Created",
        ("Creating", "fail"): "CreateFailed",
        ("Updating", "serve"): "Updated",
        ("Updating", "fail"): "UpdateFailed",
        **{(state, "update"): "Updating" for state in (*_RUNS, *_AT_REST)},  # nothing else brings it up again
        **{(state, "delete"): "Deleting" for state in (*_RUNS, *_AT_REST, "Creating", "Updating", "Deleting")},
    },
    # An app that runs is never done: its process may end.
    settled=_AT_REST,
)
