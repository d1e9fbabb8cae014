"""Search: resources of a kind by any of their properties."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(nouns={}, others=("search", "suggestions"))
