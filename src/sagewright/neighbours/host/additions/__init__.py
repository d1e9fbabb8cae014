"""Operations that moto lacks, or does too thinly. They work on moto's own objects, or on plain values beside them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from botocore import xform_name

from sagewright.neighbours.host import pickling

# Add a service here: `additions/<moto's name>.py`, with functions named like boto3's methods.
_MODULES: Final = {
    "codecommit": "codecommit",
    "cognito-idp": "cognitoidp",
    "glue": "glue",
    "resourcegroupstaggingapi": "resourcegroupstaggingapi",
    "secretsmanager": "secretsmanager",
    "servicecatalog": "servicecatalog",
    "sqs": "sqs",
    "sso-admin": "ssoadmin",
    "stepfunctions": "stepfunctions",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operation is done."""

    account: str
    region: str
    modules: Callable[[], Sequence[str]]
    """Which of moto's services hold something here."""

    def backend(self, module: str) -> Any:
        """moto's backend of a service here."""
        return pickling.backend(module, self.account, self.region)

    def held(self, module: str) -> dict[str, Any]:
        """What is kept here beside moto's own objects; kept as they are."""
        held: dict[str, Any] = vars(self.backend(module)).setdefault("sagewright", {})
        return held


Added = Callable[[Place, dict[str, Any]], dict[str, Any]]


@cache
def find(service: str, operation: str) -> Added | None:
    """The function that does an operation; None when moto does it itself."""
    name = _MODULES.get(service)
    if name is None:
        return None
    module = importlib.import_module(f"{__name__}.{name}")
    found: Added | None = getattr(module, xform_name(operation), None)
    return found
