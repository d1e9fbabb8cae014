"""App image configurations: how a custom image is run as a kernel, as JupyterLab or as an editor."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found

_WHAT: Final = "AppImageConfig"
NOUN: Final = Noun(_WHAT, "app-image-config", resource_not_found(_WHAT), resource_in_use(_WHAT))
operations = NOUN.operations(delete=True)


@operations
def create_app_image_config(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.create(call, request))


@operations
def update_app_image_config(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.merge(call, request))
