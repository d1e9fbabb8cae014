"""Which folders of a job are kept in S3 while it runs."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.controllers.mirrors import Mirror, mirrors
from sagewright.resources.record import Key, Record


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({}, []),
        (
            {"HyperParameters": {"sagemaker_s3_output": '"s3://b/kept/"'}},
            [Mirror("/opt/ml/output/intermediate", "s3://b/kept/j/output/intermediate")],
        ),
        ({"HyperParameters": {"sagemaker_s3_output": '"file:///tmp"'}}, []),
        (
            {"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/checkpoints/"}},
            [Mirror("/checkpoints", "s3://b/c", restored=True)],
        ),
        (
            {"TensorBoardOutputConfig": {"S3OutputPath": "s3://b/t"}},
            [Mirror("/opt/ml/output/tensorboard", "s3://b/t/j/tensorboard-output")],
        ),
    ],
)
def test_mirrors(spec: dict[str, Any], found: list[Mirror]) -> None:
    record = Record(
        Key("1", "r", "k", "", "j"), "uid", 0.0, 0.0, spec=spec, status={}, state="InProgress", intent="run"
    )
    assert list(mirrors(record)) == found
