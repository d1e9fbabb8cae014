"""DeepAR in its environment: trained on seasons, asked for what comes next."""

from __future__ import annotations

import json
import math
import random
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

HYPERPARAMETERS = {
    "time_freq": "H",
    "context_length": "24",
    "prediction_length": "12",
    "epochs": "6",
    "mini_batch_size": "32",
    "learning_rate": "0.01",
    "num_cells": "20",
}
START = "2024-01-01 00:00:00"


def day(level: float, hours: int, chance: random.Random) -> list[float]:
    """Hours of a wave around a level."""
    return [level * (2 + math.sin(hour * math.pi / 12)) + chance.gauss(0, level / 20) for hour in range(hours)]


def lines(channel: str) -> str:
    """Thirty series of three levels; a feature that is known ahead; here and there a value is missing."""
    chance = random.Random(0)
    text = ""
    for number in range(30):
        target: list[Any] = day(10.0 * (number % 3 + 1), 120, chance)
        target[5] = "NaN" if number % 2 else None
        kept = target if channel == "test" else target[:-12]
        features = [[float(hour % 24) for hour in range(len(kept))]]
        text += json.dumps({"start": START, "target": kept, "cat": number % 3, "dynamic_feat": features}) + "\n"
    return text


@pytest.fixture(scope="module")
def trained(container: Callable[..., Any]) -> Any:
    made = container("forecasting-deepar", "deepar")
    made.job(HYPERPARAMETERS, train="", test="json")
    for channel in ("train", "test"):
        made.write(f"input/data/{channel}/series.json", lines(channel))
    made.done = made.train()
    assert made.done.returncode == 0, made.done.stderr
    return made


@pytest.fixture(scope="module")
def invoke(trained: Any) -> Iterator[Any]:
    with trained.serving(DEEPAR_INFERENCE_CONFIG='{"num_samples": 20, "output_types": ["mean"]}') as invoke:
        yield invoke


def instance(level: float, **more: Any) -> dict[str, Any]:
    target = day(level, 48, random.Random(1))
    features = [[float(hour % 24) for hour in range(60)]]
    return {"start": START, "target": target, "cat": [int(level / 10) - 1], "dynamic_feat": features, **more}


def test_it_learns_and_tells_so(trained: Any) -> None:
    told = dict(re.findall(r"#quality_metric: host=algo-1, (.*) <loss>=(\S+)", trained.done.stdout))
    assert {"train final_loss", "test RMSE", "test mean_wQuantileLoss", "test wQuantileLoss[0.5]"} <= set(told)
    assert float(told["test mean_wQuantileLoss"]) < 0.2
    assert float(told["epoch=5, train loss"]) < float(told["epoch=0, train loss"])


def test_forecasts_as_they_are_asked_for(invoke: Any) -> None:
    configuration = {
        "num_samples": 30,
        "output_types": ["mean", "quantiles", "samples"],
        "quantiles": ["0.1", "0.5", "0.9"],
    }
    body = {"instances": [instance(10), instance(30)], "configuration": configuration}
    answer = invoke(json.dumps(body), "application/json")
    assert (answer.status, answer.content_type) == (200, "application/json")
    low, high = json.loads(answer.body)["predictions"]
    assert set(low) == {"mean", "quantiles", "samples"}
    assert len(low["mean"]) == 12
    assert (len(low["samples"]), len(low["samples"][0])) == (30, 12)
    assert list(low["quantiles"]) == ["0.1", "0.5", "0.9"]
    assert all(one <= other for one, other in zip(low["quantiles"]["0.1"], low["quantiles"]["0.9"], strict=True))
    assert 2 < sum(high["mean"]) / sum(low["mean"]) < 4


def test_lines_get_lines_as_the_environment_says(invoke: Any) -> None:
    body = "\n".join(json.dumps(instance(level)) for level in (10, 20))
    answer = invoke(body, "application/jsonlines")
    assert answer.content_type == "application/jsonlines"
    assert [list(json.loads(line)) for line in answer.body.splitlines()] == [["mean"], ["mean"]]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"instances": [instance(10, cat=[7])]}, 400, "Instance 1: cat 0 is 7, and the model knows 0 to 2"),
        ({"instances": [instance(10, cat=None)]}, 400, "cat has 0 categories, and the model takes 1"),
        ({"instances": [instance(10, dynamic_feat=[[1.0]])]}, 400, "dynamic_feat has 1 values, and needs 60"),
        ({"instances": [instance(10, target=["x"])]}, 400, "target holds what is no number"),
        ({"instances": [instance(10)], "configuration": {"num_samples": 0}}, 400, "num_samples"),
        ({"instances": [instance(10)], "configuration": {"quantiles": ["2"]}}, 400, "quantiles"),
        ({"rows": []}, 415, "instances"),
    ],
)
def test_wrong_requests(invoke: Any, body: Any, status: int, reason: str) -> None:
    answer = invoke(json.dumps(body), "application/json")
    assert answer.status == status
    assert reason in answer.body.decode()


def test_a_series_without_a_past_is_forecast_too(invoke: Any) -> None:
    body = {"instances": [instance(10, target=[], dynamic_feat=[[float(hour) for hour in range(12)]])]}
    (answer,) = json.loads(invoke(json.dumps(body), "application/json").body)["predictions"]
    assert all(math.isfinite(value) for value in answer["mean"])


def test_gluonts_loads_the_model(trained: Any) -> None:
    script = (
        "import sys; from pathlib import Path; from gluonts.model.predictor import Predictor;"
        "print(type(Predictor.deserialize(Path(sys.argv[1]))).__name__)"
    )
    assert trained.run("-c", script, str(trained.base / "model")).stdout.strip() == "PyTorchPredictor"


EACH = """
import sys
sys.argv = ["", "train", "forecasting-deepar"]
from sagewright_container import contract, main
import json, os
for number, (likelihood, scale) in enumerate(json.loads(os.environ["EACH"])):
    base = os.environ["SAGEMAKER_BASE_DIR"]
    values = {**json.loads(os.environ["VALUES"]), "likelihood": likelihood}
    open(f"{base}/input/config/hyperparameters.json", "w").write(json.dumps(values))
    series = [{"start": "2024-01-01", "target": [round((i % 5 + 1) * scale, 2) for i in range(40)]} for _ in range(4)]
    open(f"{base}/input/data/train/a.json", "w").write("\\n".join(map(json.dumps, series)))
    print(likelihood, main.main(sys.argv[1:]), flush=True)
"""


def test_every_likelihood_and_what_it_cannot_be_of(container: Callable[..., Any]) -> None:
    made = container("forecasting-deepar", "deepar")
    short = {**HYPERPARAMETERS, "epochs": "1", "time_freq": "D", "num_layers": "1"}
    made.job(short, train="")
    made.write("input/data/train/a.json", "")
    likelihoods = ["gaussian", "negative-binomial", "student-T", "deterministic-L1"]
    fine = [*((each, 1) for each in likelihoods), ("beta", 0.1)]
    wrong = [("beta", 1), ("negative-binomial", 0.1)]
    environ = {"VALUES": json.dumps(short), "EACH": json.dumps([*fine, *wrong])}
    done = made.run("-c", EACH, **environ)
    codes = re.findall(r"^(\S+) (\d)$", done.stdout, re.MULTILINE)
    assert codes == [*((each, "0") for each, _ in fine), *((each, "1") for each, _ in wrong)], done.stderr
    assert "likelihood is beta, but a target of channel train is not between 0 and 1" in done.stderr
    assert "likelihood is negative-binomial, but a target of channel train is no count" in done.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Channel train holds no data"),
        ('{"start": "2024-01-01", "target": [1]}\n{"start": 1', "series.json, line 2 in channel train: it is not JSON"),
        ('{"start": "2024-01-01", "target": [1, 2]}', "no series is longer than prediction_length, 12"),
    ],
)
def test_wrong_data(container: Callable[..., Any], text: str, reason: str) -> None:
    made = container("forecasting-deepar", "deepar")
    made.job(HYPERPARAMETERS, train="")
    made.write("input/data/train/series.json", text)
    assert made.train().returncode == 1
    assert made.failure().startswith("ClientError: ")
    assert reason in made.failure()


def test_a_stopped_job_saves_what_there_is(trained: Any, tmp_path: Any) -> None:
    made = trained.copied(tmp_path)
    made.job({**HYPERPARAMETERS, "epochs": "10000"}, train="")
    (made.base / "model/predictor.json").unlink()
    with made.started("train") as process:
        assert process.stdout is not None
        assert "epoch=0" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(60) == 0
    assert "final_loss" in rest
    assert (made.base / "model/predictor.json").exists()
