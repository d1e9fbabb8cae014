"""The feature store's groups and what is said about their features. Records have a service of their own."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "feature-group": "feature_group",
        "sagemaker-catalog": "resource_catalog",
    },
    others=("feature_metadata",),
    kept=("feature_metadata",),
)
