"""Models, endpoint configurations, endpoints."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "endpoint": "endpoint",
        "endpoint-config": "endpoint_config",
        "model": "model",
    },
)
