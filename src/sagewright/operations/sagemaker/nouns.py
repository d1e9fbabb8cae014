"""All nouns of SageMaker, by the resource type in their ARNs. Whoever has an ARN and wants the record asks here."""

from __future__ import annotations

from typing import Final

from sagewright.base.registry import Registry
from sagewright.operations.sagemaker import family
from sagewright.operations.sagemaker.noun import Noun
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.store.base import Store

_TWO_DEEP: Final = 4
NOUNS: Final[Registry[Noun]] = Registry("noun", family.nouns())


def find_by_arn(store: Store, text: str, account: str) -> Record | None:
    """The record of an ARN; None for ARNs of nothing, of other accounts, and for what is no ARN."""
    try:
        steps = Arn.parse(text).resource.split("/")
    except ValueError:
        return None
    # `pipeline/NAME/execution/ID` is no pipeline: the words in such an ARN say what it is.
    words = "/".join(steps[::2])
    kind = words if len(steps) == _TWO_DEEP and words in NOUNS else steps[0]
    return NOUNS.load(kind).by_arn(store, text, account) if kind in NOUNS else None
