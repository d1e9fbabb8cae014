"""Git repositories that notebook instances clone."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, already_existing
from sagewright.resources.record import Record


def _missing(_name: str, arn: str) -> AwsError:
    return validation_error(f'Cannot find CodeRepository: "{arn}"')


NOUN: Final = Noun(
    "CodeRepository",
    "code-repository",
    _missing,
    already_existing("CodeRepository"),
    plural="CodeRepositories",
)
operations = NOUN.operations(delete=True)


@operations
def create_code_repository(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.create(call, request))


@operations
def update_code_repository(call: Call, request: Params) -> Params:
    """Of a repository's configuration the secret alone can change."""

    def update(record: Record) -> Record:
        git = {**record.spec["GitConfig"], **request.get("GitConfig", {})}
        return replace(record, spec={**record.spec, "GitConfig": git})

    return NOUN.answer(call, NOUN.amend(call, request["CodeRepositoryName"], update))
