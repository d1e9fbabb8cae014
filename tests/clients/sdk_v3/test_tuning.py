"""Automatic model tuning with the SDK v3: HyperparameterTuner around a ModelTrainer, and its resource."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.resources import HyperParameterTuningJob, TrainingJob

ROOT = Path(__file__).parents[3]
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
RMSE = [{"Name": "validation:rmse", "Regex": "validation:rmse=([0-9.]+)"}]
RANGES = {
    "n-estimators": IntegerParameter(2, 40),
    "learning-rate": ContinuousParameter(0.01, 0.5, scaling_type="Logarithmic"),
}
LOSS = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]


@pytest.fixture(scope="module")
def source_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    shutil.copy(ROOT / "examples/housing/train.py", folder)
    shutil.copy(ROOT / "tests/clients/scripts/surface.py", folder)
    return folder


def trainer(source_dir: Path, entry_script: str, hyperparameters: dict[str, Any] | None = None) -> Any:
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, SourceCode

    return ModelTrainer(
        training_image=SKLEARN,
        source_code=SourceCode(source_dir=str(source_dir), entry_script=entry_script),
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
        hyperparameters=hyperparameters,
        base_job_name="v3",
    )


def tuner(model_trainer: Any, metric: str, ranges: dict[str, Any], definitions: Any, **options: Any) -> Any:
    from sagemaker.train.tuner import HyperparameterTuner

    return HyperparameterTuner(
        model_trainer=model_trainer,
        objective_metric_name=metric,
        hyperparameter_ranges=ranges,
        metric_definitions=definitions,
        objective_type="Minimize",
        **options,
    )


@pytest.fixture(scope="module")
def tuned(source_dir: Path, housing: str, unique: Callable[[str], str]) -> Any:
    """Bayesian search on the housing data."""
    made = tuner(
        trainer(source_dir, "train.py", {"max-depth": 2}),
        "validation:rmse",
        RANGES,
        RMSE,
        max_jobs=4,
        max_parallel_jobs=2,
    )
    made.tune({"train": housing}, job_name=unique("v3-tune"), wait=False)
    made.latest_tuning_job.wait(poll=1, timeout=300)
    return made


def test_the_best_is_found_and_shown(tuned: Any) -> None:
    job = tuned.describe()
    assert job.hyper_parameter_tuning_job_status == "Completed"
    assert job.training_job_status_counters.completed == 4
    frame = tuned.analytics().dataframe()
    assert len(frame) == 4
    best = frame.loc[frame["FinalObjectiveValue"].idxmin()]
    assert tuned.best_training_job() == best["TrainingJobName"]
    trained = TrainingJob.get(tuned.best_training_job())
    assert trained.tuning_job_arn == job.hyper_parameter_tuning_job_arn
    assert trained.hyper_parameters["max-depth"] == "2"
    assert trained.model_artifacts.s3_model_artifacts.endswith("model.tar.gz")


def test_its_training_jobs_are_listed(tuned: Any) -> None:
    job = HyperParameterTuningJob.get(tuned.latest_tuning_job.hyper_parameter_tuning_job_name)
    listed = list(job.get_all_training_jobs(sort_by="FinalObjectiveMetricValue", sort_order="Ascending"))
    values = [each.final_hyper_parameter_tuning_job_objective_metric.value for each in listed]
    assert values == sorted(values)
    assert job.best_training_job.training_job_name == listed[0].training_job_name


def test_a_transfer_begins_with_what_was_best(
    tuned: Any, source_dir: Path, housing: str, unique: Callable[[str], str]
) -> None:
    from sagemaker.core.shapes import HyperParameterTuningJobWarmStartConfig, ParentHyperParameterTuningJob

    name = tuned.latest_tuning_job.hyper_parameter_tuning_job_name
    warm = HyperParameterTuningJobWarmStartConfig(  # the SDK's own shortcut names a member that there is not
        parent_hyper_parameter_tuning_jobs=[ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name=name)],
        warm_start_type="TransferLearning",
    )
    made = tuner(
        trainer(source_dir, "train.py", {"max-depth": 2}),
        "validation:rmse",
        RANGES,
        RMSE,
        max_jobs=1,
        warm_start_config=warm,
    )
    made.tune({"train": housing}, job_name=unique("v3-tune"), wait=False)
    made.latest_tuning_job.wait(poll=1, timeout=300)
    (child,) = made.analytics().training_job_summaries()
    assert child["TunedHyperParameters"] == tuned.describe().best_training_job.tuned_hyper_parameters


@pytest.mark.parametrize("strategy", ["Grid", "Random", "Hyperband"])
def test_other_strategies(source_dir: Path, unique: Callable[[str], str], strategy: str) -> None:
    from sagemaker.core.shapes import HyperbandStrategyConfig, HyperParameterTuningJobStrategyConfig

    ranges = {"x": CategoricalParameter(["1", "2", "3"])} if strategy == "Grid" else {"x": ContinuousParameter(-5, 5)}
    options: dict[str, Any] = {"strategy": strategy, "max_jobs": 3, "max_parallel_jobs": 2}
    if strategy == "Hyperband":
        band = HyperbandStrategyConfig(min_resource=1, max_resource=9)
        options["strategy_config"] = HyperParameterTuningJobStrategyConfig(hyperband_strategy_config=band)
    made = tuner(trainer(source_dir, "surface.py"), "loss", ranges, LOSS, **options)
    made.tune(job_name=unique("v3-tune"), wait=False)
    made.latest_tuning_job.wait(poll=1, timeout=300)
    job = made.describe()
    assert job.hyper_parameter_tuning_job_status == "Completed"
    assert job.objective_status_counters.succeeded == 3


def test_it_is_stopped(source_dir: Path, unique: Callable[[str], str]) -> None:
    made = tuner(
        trainer(source_dir, "surface.py", {"pause": 60}), "loss", {"x": ContinuousParameter(-5, 5)}, LOSS, max_jobs=2
    )
    made.tune(job_name=unique("v3-tune"), wait=False)
    made.stop_tuning_job()
    made.latest_tuning_job.wait(poll=1, timeout=300)
    assert made.describe().hyper_parameter_tuning_job_status == "Stopped"
