"""Automatic model tuning with the SDK v2's HyperparameterTuner, on real data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.sklearn import SKLearn
from sagemaker.tuner import (
    HyperbandStrategyConfig,
    HyperparameterTuner,
    StrategyConfig,
    TuningJobCompletionCriteriaConfig,
)

CLIENTS = Path(__file__).parents[1]
ROOT = CLIENTS.parents[1]
RMSE = [{"Name": "validation:rmse", "Regex": "validation:rmse=([0-9.]+)"}]
RANGES = {
    "n-estimators": IntegerParameter(2, 40),
    "max-depth": IntegerParameter(1, 4),
    "learning-rate": ContinuousParameter(0.01, 0.5, scaling_type="Logarithmic"),
}


def sklearn(session: Any, role: str, script: Path = ROOT / "examples/housing/train.py", **hyperparameters: Any) -> Any:
    return SKLearn(
        entry_point=str(script),
        role=role,
        instance_type="ml.m5.large",
        instance_count=1,
        framework_version="1.2-1",
        hyperparameters=hyperparameters,
        sagemaker_session=session,
    )


@pytest.fixture(scope="module")
def fitted(session: Any, role: str, uploaded: str) -> HyperparameterTuner:
    """Bayesian search on the housing data, as a notebook does it."""
    tuner = HyperparameterTuner(
        sklearn(session, role),
        "validation:rmse",
        RANGES,
        RMSE,
        objective_type="Minimize",
        max_jobs=4,
        max_parallel_jobs=2,
        random_seed=5,
        base_tuning_job_name="housing",
    )
    tuner.fit({"train": uploaded})  # waits, which asks every five seconds
    return tuner


def ended(tuner: HyperparameterTuner) -> dict[str, Any]:
    """What it says when it is over; asks more often than the SDK does."""
    told: dict[str, Any] = tuner.sagemaker_session.wait_for_tuning_job(tuner.latest_tuning_job.name, poll=0.2)
    return told


def test_the_best_is_found_and_shown(fitted: HyperparameterTuner) -> None:
    told = fitted.describe()
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    frame = fitted.analytics().dataframe()
    assert len(frame) == 4
    assert set(frame["TrainingJobStatus"]) == {"Completed"}
    assert frame["n-estimators"].between(2, 40).all()
    assert frame["learning-rate"].between(0.01, 0.5).all()
    best = frame.loc[frame["FinalObjectiveValue"].idxmin()]
    assert fitted.best_training_job() == best["TrainingJobName"]
    assert best["FinalObjectiveValue"] < 10
    assert fitted.analytics().tuning_ranges["max-depth"]["MaxValue"] == "4"


def test_the_best_is_deployed(
    fitted: HyperparameterTuner, deploy: Callable[..., Any], delete: Callable[..., None], rows: Any
) -> None:
    predictor = deploy(fitted)
    assert all(5 < price < 60 for price in predictor.predict(rows))
    delete(predictor)


def test_it_is_attached_from_elsewhere(fitted: HyperparameterTuner, session: Any) -> None:
    attached = HyperparameterTuner.attach(fitted.latest_tuning_job.name, sagemaker_session=session)
    assert attached.best_training_job() == fitted.best_training_job()
    assert isinstance(attached.estimator, SKLearn)
    assert attached.max_jobs == 4
    best = attached.best_estimator()
    assert best.model_data.endswith(f"{fitted.best_training_job()}/output/model.tar.gz")
    assert int(best.hyperparameters()["n-estimators"]) <= 40


@pytest.mark.parametrize("kind", ["identical", "transfer"])
def test_a_warm_start(fitted: HyperparameterTuner, uploaded: str, kind: str, unique: Callable[[str], str]) -> None:
    warm = fitted.identical_dataset_and_algorithm_tuner() if kind == "identical" else fitted.transfer_learning_tuner()
    warm.max_jobs, warm.max_parallel_jobs = 1, 1
    warm.metric_definitions = RMSE  # which the SDK forgets
    warm.fit({"train": uploaded}, wait=False, job_name=unique("tune"))
    told = ended(warm)
    assert told["TrainingJobStatusCounters"]["Completed"] == 1
    assert told["WarmStartConfig"]["ParentHyperParameterTuningJobs"] == [
        {"HyperParameterTuningJobName": fitted.latest_tuning_job.name}
    ]
    assert ("OverallBestTrainingJob" in told) == (kind == "identical")


@pytest.fixture(scope="module")
def built_in(session: Any, role: str) -> tuple[Any, dict[str, Any]]:
    """The built-in XGBoost, and its channels: rows to learn from, and others to judge by."""
    lines = (ROOT / "examples/housing.csv").read_text().splitlines()
    turned = [",".join([cells[-1], *cells[:-1]]) for cells in (line.split(",") for line in lines)]
    bucket = session.default_bucket()
    channels = {}
    for name, part in (("train", turned[:400]), ("validation", turned[400:])):
        boto3.client("s3").put_object(Bucket=bucket, Key=f"tuning/{name}/rows.csv", Body="\n".join(part))
        channels[name] = TrainingInput(f"s3://{bucket}/tuning/{name}/", content_type="text/csv")
    estimator = Estimator(
        image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1"),
        role=role,
        instance_count=1,
        instance_type="ml.m5.xlarge",
        output_path=f"s3://{bucket}/tuning/models",
        hyperparameters={"objective": "reg:squarederror", "num_round": 15},
        sagemaker_session=session,
    )
    return estimator, channels


def test_a_built_in_algorithm_needs_no_metric_definitions(
    built_in: tuple[Any, dict[str, Any]], unique: Callable[[str], str]
) -> None:
    estimator, channels = built_in
    tuner = HyperparameterTuner(
        estimator,
        "validation:rmse",
        {"eta": ContinuousParameter(0.05, 0.5), "max_depth": IntegerParameter(2, 8)},
        objective_type="Minimize",
        max_jobs=4,
        max_parallel_jobs=2,
        early_stopping_type="Auto",
    )
    tuner.fit(channels, wait=False, job_name=unique("tune"))
    told = ended(tuner)
    assert told["HyperParameterTuningJobStatus"] == "Completed", told
    assert told["ObjectiveStatusCounters"]["Succeeded"] == 4
    assert told["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["MetricName"] == "validation:rmse"
    frame = tuner.analytics().dataframe()
    assert frame["FinalObjectiveValue"].nunique() == 4


def test_several_algorithms_compete(
    session: Any, role: str, uploaded: str, built_in: tuple[Any, dict[str, Any]], unique: Callable[[str], str]
) -> None:
    xgboost, channels = built_in
    tuner = HyperparameterTuner.create(
        estimator_dict={"boosted": xgboost, "forest": sklearn(session, role)},
        objective_metric_name_dict={"boosted": "validation:rmse", "forest": "validation:rmse"},
        hyperparameter_ranges_dict={"boosted": {"max_depth": IntegerParameter(2, 8)}, "forest": RANGES},
        metric_definitions_dict={"forest": RMSE},
        objective_type="Minimize",
        strategy="Random",
        max_jobs=2,
        max_parallel_jobs=2,
    )
    data = {"boosted": channels, "forest": {"train": uploaded}}
    tuner.fit(data, wait=False, job_name=unique("tune"), include_cls_metadata={})
    told = ended(tuner)
    assert told["TrainingJobStatusCounters"]["Completed"] == 2, told
    frame = tuner.analytics().dataframe()
    assert sorted(frame["TrainingJobDefinitionName"]) == ["boosted", "forest"]
    best = tuner.best_estimator()
    assert best.latest_training_job.name == tuner.best_training_job()
    attached = HyperparameterTuner.attach(tuner.latest_tuning_job.name, sagemaker_session=session)
    assert attached.best_training_job() == tuner.best_training_job()


def surface(session: Any, role: str, ranges: dict[str, Any], static: dict[str, Any], **options: Any) -> Any:
    """A tuner of the script whose objective is known."""
    return HyperparameterTuner(
        sklearn(session, role, CLIENTS / "scripts/surface.py", **static),
        "loss",
        ranges,
        [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        objective_type="Minimize",
        **options,
    )


def test_a_grid(session: Any, role: str, unique: Callable[[str], str]) -> None:
    ranges = {"x": CategoricalParameter([1, 2]), "y": CategoricalParameter([3, 4])}
    tuner = surface(session, role, ranges, {}, strategy="Grid", max_jobs=4, max_parallel_jobs=2)
    tuner.fit(wait=False, job_name=unique("tune"))
    assert ended(tuner)["TrainingJobStatusCounters"]["Completed"] == 4
    frame = tuner.analytics().dataframe()
    assert frame["FinalObjectiveValue"].min() == pytest.approx(1)


def test_hyperband(session: Any, role: str, unique: Callable[[str], str]) -> None:
    tuner = surface(
        session,
        role,
        {"x": ContinuousParameter(-5, 5)},
        {"pause": 0.15, "epochs": 9, "bad": 13},
        strategy="Hyperband",
        strategy_config=StrategyConfig(HyperbandStrategyConfig(max_resource=9, min_resource=1)),
        max_jobs=6,
        max_parallel_jobs=2,
    )
    tuner.fit(wait=False, job_name=unique("tune"))
    told = ended(tuner)
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert told["TrainingJobStatusCounters"]["Stopped"] > 0


def test_criteria_and_autotune(session: Any, role: str, unique: Callable[[str], str]) -> None:
    tuner = surface(
        session,
        role,
        {"x": ContinuousParameter(-5, 5)},
        {"y": 4, "kind": "round"},
        strategy="Random",
        max_jobs=50,
        max_parallel_jobs=2,
        autotune=True,
        hyperparameters_to_keep_static=["kind"],
        completion_criteria_config=TuningJobCompletionCriteriaConfig(target_objective_metric_value=1000.0),
    )
    tuner.fit(wait=False, job_name=unique("tune"))
    told = ended(tuner)
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert told["ObjectiveStatusCounters"]["Succeeded"] < 10
    tuned = told["BestTrainingJob"]["TunedHyperParameters"]
    assert sorted(tuned) == ["x", "y"]


def test_it_is_stopped(session: Any, role: str, unique: Callable[[str], str], eventually: Callable[..., Any]) -> None:
    tuner = surface(session, role, {"x": ContinuousParameter(-5, 5)}, {"pause": 60}, max_jobs=4)
    tuner.fit(wait=False, job_name=unique("tune"))
    eventually(lambda: tuner.describe()["TrainingJobStatusCounters"]["InProgress"] == 1)
    tuner.stop_tuning_job()
    assert ended(tuner)["HyperParameterTuningJobStatus"] == "Stopped"
