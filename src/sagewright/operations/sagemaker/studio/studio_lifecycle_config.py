"""Studio lifecycle configurations: scripts that run when an app starts."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.sagemaker.scripts import check_script
from sagewright.operations.sagemaker.studio.settings import using
from sagewright.resources.record import Record

_WHAT: Final = "StudioLifecycleConfig"
_TYPE: Final = "StudioLifecycleConfigAppType"
NOUN: Final = Noun(
    _WHAT,
    "studio-lifecycle-config",
    resource_not_found(_WHAT),
    resource_in_use(_WHAT),
    facets={_TYPE: _TYPE},
    filters={"AppTypeEquals": _TYPE},
)
operations = NOUN.operations()


@operations
def create_studio_lifecycle_config(call: Call, request: Params) -> Params:
    check_script(request["StudioLifecycleConfigContent"], "StudioLifecycleConfigContent")
    return NOUN.answer(call, NOUN.create(call, request))


@operations
def delete_studio_lifecycle_config(call: Call, request: Params) -> Params:
    def unused(config: Record) -> None:
        for holder in using(call, config.status["StudioLifecycleConfigArn"]):
            raise AwsError(
                "ResourceInUse",
                f"The lifecycle configuration {config.name} is named in the settings of {holder.key.kind} "
                f"{holder.name}. Take it out there first.",
            )

    NOUN.remove(call, NOUN.named(call, request), unused)
    return {}
