"""Lineage with the SDK v2, of what the service tells by itself: a training job, and an endpoint with its model."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from sagemaker.analytics import ArtifactAnalytics
from sagemaker.experiments import Run
from sagemaker.lineage.artifact import Artifact, DatasetArtifact, ImageArtifact, ModelArtifact
from sagemaker.lineage.context import EndpointContext
from sagemaker.lineage.lineage_trial_component import LineageTrialComponent
from sagemaker.lineage.query import (
    LineageEntityEnum,
    LineageFilter,
    LineageQuery,
    LineageQueryDirectionEnum,
    LineageSourceEnum,
)
from sagemaker.lineage.visualizer import LineageTableVisualizer
from sagemaker.sklearn import SKLearn

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def experiment(unique: Callable[[str], str]) -> str:
    return unique("lineage")


@pytest.fixture(scope="module")
def uploaded(session: Any) -> str:
    """Data that no other test's jobs use."""
    return str(session.upload_data(str(ROOT / "examples" / "housing.csv"), key_prefix="lineage"))


@pytest.fixture(scope="module")
def estimator(session: Any, role: str, uploaded: str, experiment: str) -> SKLearn:
    made = SKLearn(
        entry_point=str(ROOT / "examples/housing/train.py"),
        role=role,
        instance_type="ml.m5.large",
        framework_version="1.2-1",
        hyperparameters={"n-estimators": 20},
        sagemaker_session=session,
    )
    with Run(experiment_name=experiment, run_name="fitted", sagemaker_session=session):
        made.fit({"train": uploaded}, logs=False)
    return made


@pytest.fixture(scope="module")
def component(estimator: SKLearn, session: Any) -> LineageTrialComponent:
    name = f"{estimator.latest_training_job.name}-aws-training-job"
    return LineageTrialComponent.load(trial_component_name=name, sagemaker_session=session)


@pytest.fixture(scope="module")
def endpoint(
    estimator: SKLearn, session: Any, deploy: Callable[..., Any], delete: Callable[..., None]
) -> Iterator[dict[str, Any]]:
    predictor = deploy(estimator)
    yield session.sagemaker_client.describe_endpoint(EndpointName=predictor.endpoint_name)
    delete(predictor)


def model_of(component: LineageTrialComponent, session: Any) -> ModelArtifact:
    (model,) = component.models()
    return ModelArtifact.load(artifact_arn=model.artifact_arn, sagemaker_session=session)


def test_a_jobs_lineage_as_a_table(estimator: SKLearn, session: Any) -> None:
    job = estimator.latest_training_job.name
    table = LineageTableVisualizer(session).show(training_job_name=job)
    rows = table[["Direction", "Type", "Association Type", "Lineage Type"]].values.tolist()
    assert sorted(rows) == [
        ["Input", "DataSet", "ContributedTo", "artifact"],
        ["Input", "Image", "ContributedTo", "artifact"],
        ["Output", "Model", "Produced", "artifact"],
    ]
    names = " ".join(table["Name/Source"])
    assert "housing" in names
    assert "scikit-learn" in names
    assert f"{job}/output/model.tar.gz"[-40:] in names


def test_a_component_knows_its_data_and_its_model(
    component: LineageTrialComponent, estimator: SKLearn, uploaded: str, session: Any
) -> None:
    (data,) = component.dataset_artifacts(direction=LineageQueryDirectionEnum.ASCENDANTS)
    assert isinstance(data, DatasetArtifact)
    assert data.source.source_uri == uploaded
    model = model_of(component, session)
    assert model.source.source_uri == estimator.model_data
    assert [each.source.source_uri for each in model.dataset_artifacts(LineageQueryDirectionEnum.ASCENDANTS)] == [
        uploaded
    ]
    (arn,) = model.training_job_arns(direction=LineageQueryDirectionEnum.ASCENDANTS)
    assert arn.endswith(f"training-job/{estimator.latest_training_job.name}")


def test_data_lead_to_the_trials_that_used_them(
    component: LineageTrialComponent, session: Any, experiment: str
) -> None:
    (data,) = component.dataset_artifacts(direction=LineageQueryDirectionEnum.ASCENDANTS)
    group = f"Default-Run-Group-{experiment}"
    assert group in data.downstream_trials(sagemaker_session=session)
    assert group in data.downstream_trials_v2()
    assert group in model_of(component, session).upstream_trials()


def test_a_query_gives_vertices_and_edges(component: LineageTrialComponent, session: Any) -> None:
    found = LineageQuery(session).query(
        start_arns=[component.trial_component_arn],
        query_filter=LineageFilter(entities=[LineageEntityEnum.ARTIFACT], sources=[LineageSourceEnum.IMAGE]),
        direction=LineageQueryDirectionEnum.ASCENDANTS,
        include_edges=True,
    )
    images = [each.to_lineage_object() for each in found.vertices if each.lineage_source == "Image"]
    assert [type(each) for each in images] == [ImageArtifact]
    assert ("ContributedTo", component.trial_component_arn) in [
        (edge.association_type, edge.destination_arn) for edge in found.edges
    ]


def test_an_endpoint_leads_back_to_job_and_data(
    endpoint: dict[str, Any], component: LineageTrialComponent, uploaded: str, session: Any
) -> None:
    (summary,) = EndpointContext.list(source_uri=endpoint["EndpointArn"], sagemaker_session=session)
    context = EndpointContext.load(context_name=summary.context_name, sagemaker_session=session)
    up = LineageQueryDirectionEnum.ASCENDANTS
    assert uploaded in [each.source.source_uri for each in context.dataset_artifacts(up)]
    assert component.source["SourceArn"] in context.training_job_arns(up)
    assert component.trial_component_name in [each.trial_component_name for each in context.trial_components(up)]
    model = model_of(component, session)
    assert [each.context_name for each in model.endpoint_contexts(LineageQueryDirectionEnum.DESCENDANTS)] == [
        summary.context_name
    ]
    table = LineageTableVisualizer(session).show(endpoint_arn=endpoint["EndpointArn"])
    assert table[["Direction", "Type", "Association Type"]].values.tolist() == [
        ["Input", "ModelDeployment", "AssociatedWith"]
    ]


def test_one_address_is_one_artifact(estimator: SKLearn, component: Any, session: Any, uploaded: str) -> None:
    known = [each.artifact_arn for each in Artifact.list(source_uri=uploaded, sagemaker_session=session)]
    again = SKLearn.attach(estimator.latest_training_job.name, sagemaker_session=session)
    again.entry_point, again.source_dir = str(ROOT / "examples/housing/train.py"), None
    again.fit({"train": uploaded}, logs=False)
    assert [each.artifact_arn for each in Artifact.list(source_uri=uploaded, sagemaker_session=session)] == known
    frame = ArtifactAnalytics(artifact_type="DataSet", sagemaker_session=session).dataframe()
    assert list(frame["ArtifactSourceUri"]).count(uploaded) == 1
    pages = boto3.client("sagemaker").get_paginator("list_associations").paginate(SourceArn=known[0])
    assert len([each for page in pages for each in page["AssociationSummaries"]]) >= 2
