"""Notebook instances' scripts and repositories through boto3; `test_notebook_instances.py` has the instances."""

import base64
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from .refusals import refusal, refused


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


def test_scripts_and_repositories(sagemaker: Any, unique: Callable[[str], str]) -> None:
    script = {"NotebookInstanceLifecycleConfigName": unique("setup")}
    content = base64.b64encode(b"echo hello").decode()
    sagemaker.create_notebook_instance_lifecycle_config(**script, OnStart=[{"Content": content}])
    described = sagemaker.describe_notebook_instance_lifecycle_config(**script)
    assert described["OnStart"] == [{"Content": content}]
    assert "OnCreate" not in described
    sagemaker.delete_notebook_instance_lifecycle_config(**script)
    assert refused(sagemaker.describe_notebook_instance_lifecycle_config, **script) == ("ValidationException", 400)

    code = {"CodeRepositoryName": unique("code")}
    sagemaker.create_code_repository(**code, GitConfig={"RepositoryUrl": "https://example.com/team/code.git"})
    pages = sagemaker.get_paginator("list_code_repositories").paginate(NameContains=code["CodeRepositoryName"])
    assert len([each for page in pages for each in page["CodeRepositorySummaryList"]]) == 1
    sagemaker.delete_code_repository(**code)
    assert "Cannot find CodeRepository" in refusal(sagemaker.describe_code_repository, **code)[1]
