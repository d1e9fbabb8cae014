"""Lifecycle configurations of notebook instances: scripts that run when one is made and when one starts."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.sagemaker.scripts import check_script


def _missing(_name: str, arn: str) -> AwsError:
    return validation_error(f"Notebook Instance Lifecycle Config '{arn}' does not exist.")


def _exists(_name: str, arn: str) -> AwsError:
    return validation_error(f"Notebook Instance Lifecycle Config '{arn}' already exists. Choose another name.")


NOUN: Final = Noun("NotebookInstanceLifecycleConfig", "notebook-instance-lifecycle-config", _missing, _exists)
operations = NOUN.operations(delete=True)


@operations
def create_notebook_instance_lifecycle_config(call: Call, request: Params) -> Params:
    _check(request)
    return NOUN.answer(call, NOUN.create(call, request))


@operations
def update_notebook_instance_lifecycle_config(call: Call, request: Params) -> Params:
    _check(request)
    return NOUN.answer(call, NOUN.merge(call, request))


def _check(request: Params) -> None:
    for when in ("OnCreate", "OnStart"):
        for hook in request.get(when, ()):
            if "Content" in hook:
                check_script(hook["Content"], f"{when} Content")
