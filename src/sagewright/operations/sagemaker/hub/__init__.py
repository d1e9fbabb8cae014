"""Hubs of one's own and what is in them. SageMaker's public hub is not here, so nothing can refer to it yet."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "hub": "hub",
        "hub-content": "hub_content",
    },
    others=("hub_content_reference",),
    kept=("hub", "hub_content", "hub_content_reference"),
    unbuilt={
        "CreateHubContentPresignedUrls": "hand out the files of hub contents",
        "CreateHubContentReference": "hold the contents of SageMaker's public hub that references lead to",
    },
)
