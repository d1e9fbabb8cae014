"""Batch transform with the SDK v3: its Transformer, and the resource class below it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from sagemaker.core.resources import Model, TransformJob
from sagemaker.core.shapes import ContainerDefinition
from sagemaker.core.transformer import Transformer

ROOT = Path(__file__).parents[3]
LINES = (ROOT / "examples/housing.csv").read_text().splitlines()


@pytest.fixture(scope="module")
def model(container: dict[str, Any], role: str, unique: Callable[[str], str]) -> str:
    primary = ContainerDefinition(
        image=container["Image"], model_data_url=container["ModelDataUrl"], environment=container["Environment"]
    )
    name = unique("v3-transformed")
    Model.create(model_name=name, primary_container=primary, execution_role_arn=role)
    return name


def test_houses_are_priced_beside_their_real_prices(
    model: str, housing: str, bucket: str, unique: Callable[[str], str]
) -> None:
    transformer = Transformer(
        model_name=model,
        instance_count=1,
        instance_type="ml.m5.large",
        strategy="MultiRecord",
        assemble_with="Line",
        accept="text/csv",
        output_path=f"s3://{bucket}/v3-priced",
    )
    transformer.transform(
        housing,
        content_type="text/csv",
        split_type="Line",
        input_filter="$[0:12]",
        join_source="Input",
        output_filter="$[-2,-1]",
        job_name=unique("v3-transform"),
        wait=False,
    )
    job = TransformJob.get(transformer._current_job_name)
    job.wait(poll=1, timeout=300)
    assert job.transform_job_status == "Completed"
    body = boto3.client("s3").get_object(Bucket=bucket, Key="v3-priced/housing.csv.out")["Body"].read().decode()
    priced = [tuple(map(float, row.split(","))) for row in body.splitlines()]
    assert [real for real, _ in priced] == [float(line.split(",")[-1]) for line in LINES]
    assert sum(abs(real - predicted) for real, predicted in priced) / len(priced) < 3
