"""What settings refer to: roles, scripts and images that must be there when a domain, user or space is made."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.sagemaker.studio import app_image_config, image, image_version, studio_lifecycle_config
from sagewright.operations.sagemaker.studio.settings import SCRIPTS, named
from sagewright.resources.arn import Arn

_ROLES: Final = ("ExecutionRole", "DomainExecutionRoleArn")
_NOUNS: Final = {
    **dict.fromkeys(SCRIPTS, studio_lifecycle_config.NOUN),
    "ImageName": image.NOUN,
    "SageMakerImageArn": image.NOUN,
    "SageMakerImageVersionArn": image_version.NOUN,
    "AppImageConfigName": app_image_config.NOUN,
}


def check_references(call: Call, *settings: Params | None) -> None:
    """Raises the not-found error of the first thing that the settings name and that is not there."""
    for given in settings:
        for member, value in named(given or {}):
            if member in _ROLES:
                check_role(call, value)
            elif member in _NOUNS and not _of_others(call, value):
                _NOUNS[member].find(call, value)


def _of_others(call: Call, name: str) -> bool:
    """Whether an image is one of AWS's own accounts; whether there is such a one is seen when an app starts."""
    return name.startswith("arn:") and Arn.parse(name).account != call.account
