"""DeepAR as a notebook uses it: fit, deploy, predict, transform, and the model outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LENGTH = 12


@pytest.fixture(scope="module")
def series(samples: Path) -> list[dict[str, Any]]:
    """Passengers of airlines in each month of twelve years: all of them, and a tenth."""
    lines = (samples / "airline-passengers.csv").read_text().splitlines()[1:]
    values = [float(line.split(",")[1]) for line in lines]
    return [{"start": "1949-01-01 00:00:00", "target": [value / by for value in values]} for by in (1, 10)]


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
            "time_freq": "M",
            "context_length": 24,
            "prediction_length": LENGTH,
            "epochs": 3,
            "mini_batch_size": 32,
            "learning_rate": 0.01,
        },
    )
    s3 = session.boto_session.client("s3")
    for channel, cut in (("train", LENGTH), ("test", 0)):
        lines = [json.dumps({**each, "target": each["target"][: 144 - cut]}) for each in series]
        s3.put_object(Bucket=bucket, Key=f"deepar/{channel}/series.json", Body="\n".join(lines))
    made.files = run(made, {channel: f"s3://{bucket}/deepar/{channel}/" for channel in ("train", "test")})
    return made


def test_the_metrics_are_told(estimator: Any) -> None:
    told = estimator.latest_training_job.describe()["FinalMetricDataList"]
    assert {each["MetricName"] for each in told} == {"train:final_loss", "test:RMSE", "test:mean_wQuantileLoss"}


def test_gluonts_forecasts_with_the_model(
    estimator: Any, series: list[dict[str, Any]], outside: Callable[..., Any]
) -> None:
    code = "from pathlib import Path; import pandas; from gluonts.model.predictor import Predictor\n"
    code += "model = Predictor.deserialize(Path('.'))\n"
    code += "rows = [{'start': pandas.Period(each['start'], 'M'), 'target': each['target']} for each in given[0]]\n"
    code += "print(json.dumps([forecast.samples.mean(axis=0).tolist() for forecast in model.predict(rows)]))"
    high, low = outside(estimator, "deepar", code, series)
    assert len(high) == LENGTH
    assert sum(high) > sum(low)


def test_an_endpoint_forecasts(
    estimator: Any, series: list[dict[str, Any]], deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    from sagemaker.deserializers import JSONDeserializer
    from sagemaker.serializers import JSONSerializer

    predictor = deploy(estimator, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    configuration = {"num_samples": 20, "output_types": ["quantiles"], "quantiles": ["0.1", "0.9"]}
    answer = predictor.predict({"instances": series[:2], "configuration": configuration})
    high, low = (each["quantiles"] for each in answer["predictions"])
    delete(predictor)
    assert list(low) == ["0.1", "0.9"]
    assert len(low["0.9"]) == LENGTH
    assert sum(low["0.9"]) < sum(high["0.9"])


def test_a_batch_is_forecast_as_the_environment_says(
    estimator: Any, session: Any, bucket: str, series: list[dict[str, Any]], hurried: None
) -> None:
    s3 = session.boto_session.client("s3")
    s3.put_object(Bucket=bucket, Key="deepar/in/s.json", Body="\n".join(map(json.dumps, series)))
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
    assert [list(each) for each in answers] == [["mean"]] * 2
