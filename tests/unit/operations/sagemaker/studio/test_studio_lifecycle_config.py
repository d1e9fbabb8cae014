import base64

import pytest

from sagewright.testing.asker import Asker, Refused

SCRIPT = base64.b64encode(b"#!/bin/sh\necho hello\n").decode()


def made(asker: Asker, name: str, app: str = "JupyterLab", content: str = SCRIPT) -> str:
    answer = asker.call(
        "CreateStudioLifecycleConfig",
        StudioLifecycleConfigName=name,
        StudioLifecycleConfigAppType=app,
        StudioLifecycleConfigContent=content,
    )
    return str(answer["StudioLifecycleConfigArn"])


def test_the_script_must_be_base64(asker: Asker) -> None:
    with pytest.raises(Refused, match="base64"):
        made(asker, "a", content="echo hello")


def test_configurations_are_listed_by_app(asker: Asker) -> None:
    made(asker, "a")
    made(asker, "b", "CodeEditor")
    (listed,) = asker.call("ListStudioLifecycleConfigs", AppTypeEquals="CodeEditor")["StudioLifecycleConfigs"]
    assert listed["StudioLifecycleConfigName"] == "b"
    assert asker.call("DescribeStudioLifecycleConfig", StudioLifecycleConfigName="a")[
        "StudioLifecycleConfigContent"
    ] == SCRIPT  # fmt: skip


def test_one_that_a_domain_names_is_kept(asker: Asker) -> None:
    arn = made(asker, "a")
    settings = {"JupyterLabAppSettings": {"LifecycleConfigArns": [arn]}}
    domain = asker.call("CreateDomain", DomainName="team", AuthMode="IAM", DefaultUserSettings=settings)["DomainId"]
    with pytest.raises(Refused, match=f"domain {domain}") as caught:
        asker.call("DeleteStudioLifecycleConfig", StudioLifecycleConfigName="a")
    assert caught.value.code == "ResourceInUse"
    asker.call("UpdateDomain", DomainId=domain, DefaultUserSettings={"JupyterLabAppSettings": {}})
    asker.call("DeleteStudioLifecycleConfig", StudioLifecycleConfigName="a")
