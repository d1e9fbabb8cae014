"""The feature store's groups and what is said about their features. Records have a service of their own."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "feature-group": "feature_group",
    },
    others=("feature_metadata", "resource_catalog"),
    kept=("feature_metadata", "resource_catalog"),
)
