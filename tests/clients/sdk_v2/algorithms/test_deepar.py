"""DeepAR as a notebook uses it: fit, deploy, predict, transform, and the model outside."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

LENGTH = 12


@pytest.fixture(scope="module")
def series() -> list[dict[str, Any]]:
    """Days of two levels."""
    chance = random.Random(0)
    return [
        {
            "start": "2024-01-01 00:00:00",
            "target": [level * (2 + math.sin(hour * math.pi / 12)) + chance.gauss(0, 0.3) for hour in range(96)],
        }
        for level in (5, 20) * 10
    ]


@pytest.fixture(scope="module")
def estimator(session: Any, role: str, bucket: str, series: list[dict[str, Any]], run: Any) -> Any:
    import sagemaker
    from sagemaker.estimator import Estimator

    made = Estimator(
        sagemaker.image_uris.retrieve("forecasting-deepar", session.boto_region_name),
        role,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        hyperparameters={
            "time_freq": "H",
            "context_length": 24,
            "prediction_length": LENGTH,
            "epochs": 3,
            "mini_batch_size": 32,
            "learning_rate": 0.01,
        },
    )
    s3 = session.boto_session.client("s3")
    for channel, cut in (("train", LENGTH), ("test", 0)):
        lines = [json.dumps({**each, "target": each["target"][: 96 - cut]}) for each in series]
        s3.put_object(Bucket=bucket, Key=f"deepar/{channel}/series.json", Body="\n".join(lines))
    made.files = run(made, {channel: f"s3://{bucket}/deepar/{channel}/" for channel in ("train", "test")})
    return made


def test_the_metrics_are_told(estimator: Any) -> None:
    told = estimator.latest_training_job.describe()["FinalMetricDataList"]
    assert {each["MetricName"] for each in told} == {"train:final_loss", "test:RMSE", "test:mean_wQuantileLoss"}


def test_the_model_is_gluonts(estimator: Any) -> None:
    assert {"predictor.json", "prediction-net-state.pt"} <= set(estimator.files)


def test_an_endpoint_forecasts(
    estimator: Any, series: list[dict[str, Any]], deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    from sagemaker.deserializers import JSONDeserializer
    from sagemaker.serializers import JSONSerializer

    predictor = deploy(estimator, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    configuration = {"num_samples": 20, "output_types": ["quantiles"], "quantiles": ["0.1", "0.9"]}
    answer = predictor.predict({"instances": series[:2], "configuration": configuration})
    low, high = (each["quantiles"] for each in answer["predictions"])
    delete(predictor)
    assert list(low) == ["0.1", "0.9"]
    assert len(low["0.9"]) == LENGTH
    assert sum(low["0.9"]) < sum(high["0.9"])


def test_a_batch_is_forecast_as_the_environment_says(
    estimator: Any, session: Any, bucket: str, series: list[dict[str, Any]], hurried: None
) -> None:
    s3 = session.boto_session.client("s3")
    s3.put_object(Bucket=bucket, Key="deepar/in/s.json", Body="\n".join(map(json.dumps, series[:3])))
    transformer = estimator.transformer(
        1,
        "ml.m5.large",
        strategy="SingleRecord",
        assemble_with="Line",
        output_path=f"s3://{bucket}/deepar/out",
        env={"DEEPAR_INFERENCE_CONFIG": '{"num_samples": 10, "output_types": ["mean"]}'},
    )
    transformer.transform(
        f"s3://{bucket}/deepar/in/", content_type="application/jsonlines", split_type="Line", logs=False
    )
    body = s3.get_object(Bucket=bucket, Key="deepar/out/s.json.out")["Body"].read()
    answers = [json.loads(line) for line in body.split(b"\n") if line.strip()]
    assert [list(each) for each in answers] == [["mean"]] * 3
