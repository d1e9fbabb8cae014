"""Every `aws_sagemaker_*` resource that promises no running work which is not built: one configuration each, in
`sagemaker/`, all applied together, and a feature group is shared; notebook instances have a test of their own. Those
that do promise such work refuse at once: `sagemaker/refused/`."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "sagemaker"
REFUSED = sorted((HERE / "refused").glob("*.tf"))


def test_every_resource_is_applied_kept_updated_in_place_and_destroyed(terraform: Any) -> None:
    for configuration in HERE.glob("*.tf"):
        shutil.copy(configuration, terraform.folder)
    terraform.init()
    terraform.apply()

    again = "-var=revision=2"
    terraform("plan", "-out=plan", again)
    changes = json.loads(terraform("show", "-json", "plan"))["resource_changes"]
    replaced = [change["address"] for change in changes if "delete" in change["change"]["actions"]]
    assert not replaced
    untouched = [
        change["address"]
        for change in changes
        if change["type"].startswith("aws_sagemaker_") and change["change"]["actions"] == ["no-op"]
    ]
    assert not untouched, "each configuration here updates something"

    terraform.apply(again)
    terraform.destroy(again)


def test_what_would_run_is_refused_at_once(terraform: Any) -> None:
    for each in (HERE / "main.tf", *REFUSED):
        shutil.copy(each, terraform.folder)
    terraform.init()
    with pytest.raises(AssertionError) as refused:
        terraform.apply()
    said = " ".join(str(refused.value).replace("\u2502", " ").split())
    for configuration in REFUSED:
        assert re.search(rf"with aws_sagemaker_{configuration.stem}\.", said), f"{configuration.stem} was not refused"
    assert len(re.findall(r"Sagewright does not .{1,80}? yet", said)) == len(REFUSED)
    terraform.destroy()
