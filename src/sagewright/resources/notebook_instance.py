"""The life of a notebook instance."""

from __future__ import annotations

from typing import Final

from sagewright.resources.lifecycle import Lifecycle

KIND: Final = "notebook-instance"
LOG_GROUP: Final = "/aws/sagemaker/NotebookInstances"
SESSION: Final = "notebook-session"
"""The kind of records of presigned addresses and of browsers' sessions; their parent is the instance's uid."""
HOOKS: Final = {"OnCreate": "LifecycleConfigOnCreate", "OnStart": "LifecycleConfigOnStart"}
"""Scripts of a lifecycle configuration, in the order in which they run, and their log streams below the instance's."""

AT_REST: Final = ("Stopped", "Failed")
_ON_THE_WAY: Final = ("Pending", "InService")

LIFE: Final = Lifecycle(
    noun="NotebookInstance",
    transitions={
        ("Pending", "serve"): "InService",
        ("Updating", "updated"): "Stopped",
        ("Stopping", "stopped"): "Stopped",
        **{(state, "fail"): "Failed" for state in _ON_THE_WAY},
        **{(state, "stop"): "Stopping" for state in _ON_THE_WAY},
        **{(state, "start"): "Pending" for state in AT_REST},
        **{(state, "update"): "Updating" for state in AT_REST},
        **{(state, "delete"): "Deleting" for state in AT_REST},
    },
    # An instance that runs is never done: its process may end.
    settled=AT_REST,
)
