"""The page of a task, as a worker would see it."""

from __future__ import annotations

from typing import NoReturn

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.labeling import human_task_ui
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.table import Operations

operations = Operations()


@operations
def render_ui_template(call: Call, request: Params) -> NoReturn:
    check_role(call, request["RoleArn"])
    if ("UiTemplate" in request) == ("HumanTaskUiArn" in request):
        raise validation_error("Exactly one of UiTemplate and HumanTaskUiArn must be given.")
    if "HumanTaskUiArn" in request:
        human_task_ui.NOUN.find(call, request["HumanTaskUiArn"])
    raise validation_error("Sagewright does not render the pages of labeling tasks yet.")
