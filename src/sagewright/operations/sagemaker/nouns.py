"""All nouns of SageMaker, by the resource type in their ARNs. Whoever has an ARN and wants the record asks here."""

from __future__ import annotations

from typing import Final

from sagewright.base.registry import Registry
from sagewright.operations.sagemaker import family
from sagewright.operations.sagemaker.noun import Noun
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.store.base import Store

NOUNS: Final[Registry[Noun]] = Registry("noun", family.nouns())


def find_by_arn(store: Store, text: str, account: str) -> Record | None:
    """The record of an ARN; None for ARNs of nothing, of other accounts, and for what is no ARN."""
    try:
        kind = Arn.parse(text).type
    except ValueError:
        return None
    return NOUNS.load(kind).by_arn(store, text, account) if kind in NOUNS else None
