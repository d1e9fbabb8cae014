"""Batch transform with the SDK v2: estimators and models make transformers; abalones are aged, houses priced."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import BatchDataCaptureConfig, TrainingInput
from sagemaker.sklearn import SKLearn
from sagemaker.transformer import Transformer

CLIENTS = Path(__file__).parents[1]
ROOT = CLIENTS.parents[1]
Done = Callable[[Transformer], dict[str, str]]

# Rings, then length, diameter, height and weights; the sex as a number.
ABALONES = [
    [cells[-1], str("MFI".index(cells[0])), *cells[1:-1]]
    for cells in (line.split(",") for line in (CLIENTS / "samples/abalone.csv").read_text().splitlines())
]


@pytest.fixture(scope="module")
def abalones(session: Any) -> str:
    """Rows with an id in front, to be aged."""
    rows = [f"shell-{number},{','.join(cells[1:])}" for number, cells in enumerate(ABALONES)]
    return str(session.upload_string_as_file_body("\n".join(rows), session.default_bucket(), "shells/all.csv"))


@pytest.fixture(scope="module")
def aging(session: Any, role: str) -> Estimator:
    """The built-in algorithm, fitted on abalones."""
    bucket = session.default_bucket()
    text = "\n".join(",".join(cells) for cells in ABALONES)
    channel = session.upload_string_as_file_body(text, bucket, "abalone/train.csv")
    estimator = Estimator(
        image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1"),
        role=role,
        instance_count=1,
        instance_type="ml.m5.large",
        output_path=f"s3://{bucket}/aging",
        hyperparameters={"objective": "reg:squarederror", "num_round": 20},
        sagemaker_session=session,
    )
    estimator.fit({"train": TrainingInput(channel, content_type="text/csv")}, logs=False)
    return estimator


@pytest.fixture(scope="module")
def done(session: Any) -> Done:
    """Waits without the SDK's long pauses; gives the output by the objects' names."""

    def done(transformer: Transformer) -> dict[str, str]:
        name = transformer.latest_transform_job.job_name
        waiter = session.sagemaker_client.get_waiter("transform_job_completed_or_stopped")
        waiter.wait(TransformJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
        bucket, _, prefix = transformer.output_path.removeprefix("s3://").partition("/")
        s3 = boto3.client("s3")
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
        return {
            each["Key"].removeprefix(f"{prefix}/"): s3.get_object(Bucket=bucket, Key=each["Key"])["Body"]
            .read()
            .decode()
            for each in listed
        }

    return done


def test_shells_keep_their_ids(aging: Estimator, abalones: str, done: Done, session: Any) -> None:
    transformer = aging.transformer(1, "ml.m5.large", strategy="MultiRecord", assemble_with="Line", accept="text/csv")
    transformer.transform(
        abalones,
        content_type="text/csv",
        split_type="Line",
        input_filter="$[1:]",
        join_source="Input",
        output_filter="$[0,-1]",
        wait=False,
    )
    aged = [row.split(",") for row in done(transformer)["all.csv.out"].splitlines()]
    assert [identity for identity, _ in aged] == [f"shell-{number}" for number in range(len(ABALONES))]
    errors = [abs(float(rings) - float(cells[0])) for (_, rings), cells in zip(aged, ABALONES, strict=True)]
    assert sum(errors) / len(errors) < 1.5
    attached = Transformer.attach(transformer.latest_transform_job.job_name, sagemaker_session=session)
    assert (attached.model_name, attached.assemble_with) == (transformer.model_name, "Line")


def test_the_sdk_waits_and_shows_the_log(
    aging: Estimator, abalones: str, session: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    transformer = aging.transformer(1, "ml.m5.large", max_payload=1, max_concurrent_transforms=2, env={"A": "b"})
    transformer.transform(abalones, content_type="text/csv", split_type="Line", input_filter="$[1:]", logs=False)
    session.logs_for_transform_job(transformer.latest_transform_job.job_name)
    assert "[sagemaker logs]: MaxConcurrentTransforms=2, MaxPayloadInMB=1" in capsys.readouterr().out
    told = session.describe_transform_job(transformer.latest_transform_job.job_name)
    assert (told["TransformJobStatus"], told["Environment"]) == ("Completed", {"A": "b"})


def test_text_in_a_numbers_place_fails_in_the_algorithms_words(aging: Estimator, abalones: str, done: Done) -> None:
    transformer = aging.transformer(1, "ml.m5.large", assemble_with="Line", accept="application/jsonlines")
    transformer.transform(abalones, content_type="text/csv", split_type="Line", wait=False)
    with pytest.raises(Exception, match="TransformJobStatus"):
        done(transformer)  # an id is no number, and nothing filters it
    job = transformer.latest_transform_job.job_name
    reason = transformer.sagemaker_session.describe_transform_job(job)["FailureReason"]
    assert reason.startswith("ClientError: See job logs for more information.")
    assert "/shells/all.csv: 415: " in reason


def test_houses_are_priced_on_two_instances_with_their_data_captured(
    session: Any, role: str, uploaded: str, done: Done
) -> None:
    estimator = SKLearn(
        entry_point=str(ROOT / "examples/housing/train.py"),
        framework_version="1.2-1",
        role=role,
        instance_count=1,
        instance_type="ml.m5.large",
        hyperparameters={"n-estimators": 20},
        sagemaker_session=session,
    )
    estimator.fit({"train": uploaded}, logs=False)
    bucket = session.default_bucket()
    lines = (ROOT / "examples/housing.csv").read_text().splitlines()
    for number in range(3):
        houses = [
            json.dumps({"house": n, "rooms": [float(cell) for cell in line.split(",")[:-1]]})
            for n, line in enumerate(lines)
            if n % 3 == number
        ][:20]
        session.upload_string_as_file_body("\n".join(houses), bucket, f"houses/{number}.jsonl")
    transformer = estimator.transformer(
        2, "ml.m5.large", strategy="SingleRecord", assemble_with="Line", accept="application/json"
    )
    transformer.transform(
        f"s3://{bucket}/houses/",
        content_type="application/json",
        split_type="Line",
        input_filter="$.rooms",
        join_source="Input",
        output_filter="$['house','SageMakerOutput']",
        model_client_config={"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 1},
        batch_data_capture_config=BatchDataCaptureConfig(
            destination_s3_uri=f"s3://{bucket}/captured", generate_inference_id=True
        ),
        wait=False,
    )
    found = done(transformer)
    assert sorted(found) == ["0.jsonl.out", "1.jsonl.out", "2.jsonl.out"]
    for number in range(3):
        priced = [json.loads(line) for line in found[f"{number}.jsonl.out"].splitlines()]
        assert [house["house"] for house in priced] == list(range(number, 60, 3))
        assert all(5 < house["SageMakerOutput"][0] < 50 for house in priced)
        assert len({house["SageMakerInferenceId"] for house in priced}) == 20
