import base64

import pytest

from sagewright.testing.asker import Asker, Refused

NAME = {"NotebookInstanceLifecycleConfigName": "setup"}
SCRIPT = {"Content": base64.b64encode(b"#!/bin/sh\n").decode()}


def test_a_configuration_is_made_changed_listed_and_deleted(asker: Asker) -> None:
    asker.call("CreateNotebookInstanceLifecycleConfig", **NAME, OnCreate=[SCRIPT])
    asker.call("UpdateNotebookInstanceLifecycleConfig", **NAME, OnStart=[SCRIPT])
    described = asker.call("DescribeNotebookInstanceLifecycleConfig", **NAME)
    assert (described["OnCreate"], described["OnStart"]) == ([SCRIPT], [SCRIPT])
    assert len(asker.call("ListNotebookInstanceLifecycleConfigs")["NotebookInstanceLifecycleConfigs"]) == 1
    with pytest.raises(Refused, match="already exists"):
        asker.call("CreateNotebookInstanceLifecycleConfig", **NAME)
    asker.call("DeleteNotebookInstanceLifecycleConfig", **NAME)
    with pytest.raises(Refused, match="does not exist") as caught:
        asker.call("DescribeNotebookInstanceLifecycleConfig", **NAME)
    assert caught.value.code == "ValidationException"


@pytest.mark.parametrize("operation", ["Create", "Update"])
def test_scripts_must_be_base64(asker: Asker, operation: str) -> None:
    with pytest.raises(Refused, match="OnStart Content"):
        asker.call(f"{operation}NotebookInstanceLifecycleConfig", **NAME, OnStart=[{"Content": "echo hello"}])
