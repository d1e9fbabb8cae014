"""What lineage knows of a feature group from the start: two contexts, by the names that the SDKs look for.

What fills the group is associated with them, by the SDKs' feature processors or by whoever fills it otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sagewright.operations.call import Call
from sagewright.resources import lineage
from sagewright.resources.record import Record
from sagewright.store.base import Write

_CONTEXTS: Final = {
    "feature-group-pipeline": "FeatureGroupPipeline",
    "feature-group-pipeline-version": "FeatureGroupPipelineVersion",
}


def contexts(call: Call, group: Record) -> Sequence[Write]:
    """The writes that make them. They stay when the group goes: names have its time of creation."""
    source = {"SourceUri": group.status["FeatureGroupArn"], "SourceType": "ARN"}
    made = [
        lineage.named(
            group.key, lineage.CONTEXT, f"{group.name}-{int(group.created)}-{suffix}", kind, source, {}, now=call.now
        )
        for suffix, kind in _CONTEXTS.items()
    ]
    return [("create", record) for record in made if call.store.get(record.key) is None]
