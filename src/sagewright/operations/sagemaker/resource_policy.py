"""Resource policies that SageMaker's nouns hold: in the record of what they are about, and gone with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call
from sagewright.operations.iam.documents import statements
from sagewright.operations.sagemaker.noun import Noun
from sagewright.resources.record import Record

MEMBER: Final = "ResourcePolicy"
Refusal = Callable[[Record], AwsError]
"""What a noun says of a record that has no policy."""


def put(call: Call, noun: Noun, name: str, document: str) -> Record:
    """Keep a policy with the record of that name. Raises a ValidationException for a document that is none."""
    _check(document)
    return noun.amend(call, name, lambda record: replace(record, spec={**record.spec, MEMBER: document}))


def held(record: Record, none: Refusal) -> Record:
    """The record, which has a policy; raises `none` otherwise."""
    if MEMBER not in record.spec:
        raise none(record)
    return record


def drop(call: Call, noun: Noun, name: str, none: Refusal) -> None:
    """Take the policy away. Raises `none` where there is none."""

    def without(record: Record) -> Record:
        spec = {member: value for member, value in held(record, none).spec.items() if member != MEMBER}
        return replace(record, spec=spec)

    noun.amend(call, name, without)


def _check(document: str) -> None:
    try:
        found = statements(document)
    except AwsError as error:
        raise validation_error(f"Invalid resource policy: {error.message}") from None
    if not all("Principal" in statement or "NotPrincipal" in statement for statement in found):
        raise validation_error("Invalid resource policy: each statement must say for whom it is (Principal).")
