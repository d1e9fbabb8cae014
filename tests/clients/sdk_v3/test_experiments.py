"""Experiments with the SDK v3: runs, jobs in them as resources, data frames, lineage."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from sagemaker.core.analytics import ExperimentAnalytics
from sagemaker.core.experiments.run import Run, list_runs, load_run
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.lineage.query import LineageEntityEnum, LineageFilter, LineageQuery, LineageQueryDirectionEnum
from sagemaker.core.lineage.visualizer import LineageTableVisualizer
from sagemaker.core.resources import TrainingJob, TrialComponent


@pytest.fixture(scope="module")
def session() -> Session:
    return Session()


@pytest.fixture(scope="module")
def run(session: Session, unique: Callable[[str], str]) -> Run:
    """A run that a notebook logged to, when it is over."""
    with Run(experiment_name=unique("v3-prices"), run_name="notebook", sagemaker_session=session) as made:
        made.log_parameters({"rate": 0.1, "kind": "forest"})
        for step in range(12):
            made.log_metric("loss", 1 / (step + 1), step=step)
    return made


@pytest.fixture(scope="module")
def job(run: Run, job_request: Callable[..., dict[str, Any]]) -> TrainingJob:
    """A training job in the run, as a resource."""
    request = job_request(**{"n-estimators": 20})
    request["ExperimentConfig"] = run.experiment_config
    boto3.client("sagemaker").create_training_job(**request)
    made = TrainingJob.get(training_job_name=request["TrainingJobName"])
    made.wait(poll=1, timeout=300)
    return made


def test_a_run_keeps_what_is_logged(run: Run) -> None:
    found = TrialComponent.get(trial_component_name=f"{run.experiment_name}-notebook")
    assert found.status.primary_status == "Completed"
    assert found.parameters["rate"].number_value == 0.1
    (metric,) = found.metrics
    assert (metric.metric_name, metric.count, metric.last) == ("loss", 12, 1 / 12)


def test_runs_are_listed_and_loaded(run: Run, session: Session) -> None:
    assert [each.run_name for each in list_runs(run.experiment_name, sagemaker_session=session)] == ["notebook"]
    with load_run(experiment_name=run.experiment_name, run_name="notebook", sagemaker_session=session) as loaded:
        loaded.log_parameter("again", 1)
    found = TrialComponent.get(trial_component_name=f"{run.experiment_name}-notebook")
    assert set(found.parameters) == {"rate", "kind", "again"}


def test_a_job_in_a_run_has_a_component(job: TrainingJob, run: Run) -> None:
    assert job.experiment_config.run_name == f"{run.experiment_name}-notebook"
    found = TrialComponent.get(trial_component_name=f"{job.training_job_name}-aws-training-job")
    assert found.status.primary_status == "Completed"
    assert found.source.source_arn == job.training_job_arn
    assert found.output_artifacts["SageMaker.ModelArtifact"].value == job.model_artifacts.s3_model_artifacts


def test_runs_and_jobs_are_compared_as_a_data_frame(job: TrainingJob, run: Run, session: Session) -> None:
    frame = ExperimentAnalytics(experiment_name=run.experiment_name, sagemaker_session=session).dataframe()
    assert set(frame["TrialComponentName"]) == {
        f"{run.experiment_name}-notebook",
        f"{job.training_job_name}-aws-training-job",
    }
    assert {"rate", "n-estimators", "loss - Min", "SageMaker.InstanceType"} <= set(frame.columns)


def test_a_jobs_lineage(job: TrainingJob, session: Session) -> None:
    table = LineageTableVisualizer(session).show(training_job_name=job.training_job_name)
    assert sorted(table["Type"]) == ["DataSet", "Image", "Model"]
    component = TrialComponent.get(trial_component_name=f"{job.training_job_name}-aws-training-job")
    found = LineageQuery(session).query(
        start_arns=[component.trial_component_arn],
        query_filter=LineageFilter(entities=[LineageEntityEnum.ARTIFACT]),
        direction=LineageQueryDirectionEnum.DESCENDANTS,
        include_edges=False,
    )
    (model,) = [each.to_lineage_object() for each in found.vertices]
    assert model.source.source_uri == job.model_artifacts.s3_model_artifacts
