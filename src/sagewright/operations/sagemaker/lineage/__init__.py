"""Lineage: artifacts, actions and contexts, what associates them, and questions about where something comes from."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "action": "action",
        "artifact": "artifact",
        "context": "context",
        "lineage-group": "lineage_group",
    },
    others=("association", "query"),
)
