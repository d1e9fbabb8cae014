"""The life of a Spark history server: begun for who asks, gone when nobody looks any more."""

from __future__ import annotations

from typing import Final

from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.record import Record

KIND: Final = "spark-history-server"
SESSION: Final = "spark-history-session"
"""The kind of records of presigned addresses and of browsers' sessions; their parent is the server's uid."""

LIFE: Final = Lifecycle(
    noun="SparkHistoryServer",
    transitions={("Starting", "serve"): "InService", ("Starting", "fail"): "Failed", ("InService", "fail"): "Failed"},
    settled=(),  # each goes by itself
)


def task_id(record: Record) -> str:
    """Of the one task that it has. As model servers' do, it ends with the platform: it serves nobody then."""
    return f"serve-history-{record.uid}"
