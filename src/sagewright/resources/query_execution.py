"""The life of an Athena query, and what stands beside it: workgroups and named queries."""

from __future__ import annotations

from typing import Final

from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.record import Record

KIND: Final = "query-execution"
"""Its name is the QueryExecutionId. Its spec holds the members of StartQueryExecution, `caller` (who asked), `types`
(StatementType and SubstatementType) and `OutputLocation`, where the result goes."""
WORKGROUP: Final = "athena-workgroup"
NAMED_QUERY: Final = "athena-named-query"
PREPARED: Final = "athena-prepared-statement"
"""Its parent is the workgroup."""
PRIMARY: Final = "primary"
"""The workgroup that is always there."""
ENGINE_VERSION: Final = "Athena engine version 3"
CATALOG: Final = "AwsDataCatalog"

LIFE: Final = Lifecycle(
    noun="QueryExecution",
    transitions={
        ("QUEUED", "start"): "RUNNING",
        ("QUEUED", "cancel"): "CANCELLED",
        ("QUEUED", "fail"): "FAILED",
        ("RUNNING", "succeed"): "SUCCEEDED",
        ("RUNNING", "cancel"): "CANCELLED",
        ("RUNNING", "fail"): "FAILED",
    },
    settled=("SUCCEEDED", "FAILED", "CANCELLED"),
)


def task_id(record: Record) -> str:
    """The task that carries a query out."""
    return f"athena-{record.uid}"
