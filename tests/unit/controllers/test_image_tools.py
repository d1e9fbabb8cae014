"""What entry points that clients name need of an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagewright.controllers import image_tools
from sagewright.resources.record import Key, Record

DRIVER = ["/bin/bash", "/opt/ml/input/data/sagemaker_remote_function_bootstrap/job_driver.sh"]


def record(entry: list[str], arguments: list[str]) -> Record:
    algorithm = {"TrainingImage": "i", "ContainerEntrypoint": entry, "ContainerArguments": arguments}
    key = Key("123456789012", "us-east-1", "training-job", "", "j")
    return Record(key=key, uid="u", created=0, modified=0, spec={"AlgorithmSpecification": algorithm})


@pytest.mark.parametrize(
    ("version", "needed"),
    [
        ("2.257.7", ["sagemaker==2.257.7\n"]),
        ("3.27.0", ["sagemaker-core>=2.27.0,<3\n"]),
        ("3.27.1.dev0", ["sagemaker-core>=2.27.0,<3\n"]),
        ("none", []),
    ],
)
def test_a_remote_function_gets_the_sdk_of_its_caller(tmp_path: Path, version: str, needed: list[str]) -> None:
    asked = record(DRIVER, ["--region", "us-east-1", "--client_sagemaker_pysdk_version", version])
    assert [file.read_text() for file in image_tools.requirements(asked, tmp_path)] == needed


def test_a_remote_function_of_an_old_sdk_gets_what_the_image_has(tmp_path: Path) -> None:
    assert list(image_tools.requirements(record(DRIVER, ["--region", "us-east-1"]), tmp_path)) == []


def test_a_notebook_job_gets_what_executes_notebooks(tmp_path: Path) -> None:
    (file,) = image_tools.requirements(record(["amazon_sagemaker_scheduler"], []), tmp_path)
    assert "nbclient" in file.read_text()


def test_other_entry_points_need_nothing(tmp_path: Path) -> None:
    assert list(image_tools.requirements(record(["python", "train.py"], []), tmp_path)) == []
