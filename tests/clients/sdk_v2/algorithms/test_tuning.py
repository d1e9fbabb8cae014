"""Built-in algorithms tuned through the SDK v2 by the metrics that AWS publishes; XGBoost is in ../test_tuning.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sagemaker import KMeans, LinearLearner
from sagemaker.parameter import ContinuousParameter, IntegerParameter
from sagemaker.tuner import HyperparameterTuner


@pytest.fixture(scope="module")
def tuned(session: Any, unique: Callable[[str], str]) -> Callable[..., Any]:
    """What a tuning job of two jobs has found: the tuner, and what is told of it."""

    def tuned(estimator: Any, records: list[Any], metric: str, ranges: dict[str, Any], **fit: Any) -> Any:
        tuner = HyperparameterTuner(
            estimator, metric, ranges, objective_type="Minimize", max_jobs=2, max_parallel_jobs=2
        )
        tuner.fit(records, wait=False, job_name=unique("tune"), include_cls_metadata=True, **fit)
        told = session.wait_for_tuning_job(tuner.latest_tuning_job.name, poll=0.5)
        assert told["HyperParameterTuningJobStatus"] == "Completed", told
        assert told["ObjectiveStatusCounters"]["Succeeded"] == 2, told
        return tuner

    return tuned


def test_linear_learner(about: dict[str, Any], sample: Callable[[str], np.ndarray], tuned: Callable[..., Any]) -> None:
    rows = sample("breast-cancer.csv")
    estimator = LinearLearner(predictor_type="binary_classifier", **about)
    records = [
        estimator.record_set(part[:, 1:], labels=part[:, 0], channel=channel)
        for channel, part in (("train", rows[:400]), ("validation", rows[400:]))
    ]
    ranges = {"wd": ContinuousParameter(1e-4, 1, scaling_type="Logarithmic"), "l1": ContinuousParameter(1e-6, 1e-2)}
    tuner = tuned(estimator, records, "validation:objective_loss", ranges, mini_batch_size=100)
    frame = tuner.analytics().dataframe()
    assert frame["FinalObjectiveValue"].between(0, 0.4).all()
    best = tuner.best_estimator()
    assert isinstance(best, LinearLearner)
    assert best.model_data.endswith(f"{tuner.best_training_job()}/output/model.tar.gz")


def test_k_means(about: dict[str, Any], sample: Callable[[str], np.ndarray], tuned: Callable[..., Any]) -> None:
    pixels = sample("digits.csv")[:, 1:]
    estimator = KMeans(k=2, **about)
    records = [estimator.record_set(pixels[:500]), estimator.record_set(pixels[500:], channel="test")]
    tuner = tuned(estimator, records, "test:msd", {"k": IntegerParameter(5, 20)}, mini_batch_size=500)
    frame = tuner.analytics().dataframe().sort_values("k")
    assert frame["k"].between(5, 20).all()
    assert list(frame["FinalObjectiveValue"]) == sorted(frame["FinalObjectiveValue"], reverse=True)
