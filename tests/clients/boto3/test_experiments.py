"""Experiments, their metrics, lineage and search, as boto3 has them."""

import datetime
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture
def run(sagemaker: Any, unique: Callable[[str], str]) -> dict[str, str]:
    """What the SDK makes for a run: an experiment, a trial in it, and a component in that."""
    names = {kind: unique(kind.lower()) for kind in ("Experiment", "Trial", "TrialComponent")}
    sagemaker.create_experiment(ExperimentName=names["Experiment"])
    sagemaker.create_trial(TrialName=names["Trial"], ExperimentName=names["Experiment"])
    made = sagemaker.create_trial_component(TrialComponentName=names["TrialComponent"], DisplayName="run")
    sagemaker.associate_trial_component(TrialComponentName=names["TrialComponent"], TrialName=names["Trial"])
    return {**names, "Arn": made["TrialComponentArn"]}


def test_a_second_experiment_of_the_name_is_told_as_the_sdk_expects(sagemaker: Any, run: dict[str, str]) -> None:
    with pytest.raises(ClientError) as caught:
        sagemaker.create_experiment(ExperimentName=run["Experiment"])
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert "already exists" in error["Message"]


def test_metrics_are_put_got_and_summed_up(sagemaker: Any, run: dict[str, str]) -> None:
    metrics = boto3.client("sagemaker-metrics")
    now = datetime.datetime.now(datetime.UTC)
    data = [{"MetricName": "loss", "Timestamp": now, "Step": step, "Value": 1 / (step + 1)} for step in range(4)]
    answer = metrics.batch_put_metrics(TrialComponentName=run["TrialComponent"], MetricData=data)
    assert "Errors" not in answer
    query = {
        "MetricName": "loss",
        "ResourceArn": run["Arn"],
        "MetricStat": "Last",
        "Period": "IterationNumber",
        "XAxisType": "IterationNumber",
    }
    (result,) = metrics.batch_get_metrics(MetricQueries=[query])["MetricQueryResults"]
    assert (result["Status"], result["XAxisValues"]) == ("Complete", [0, 1, 2, 3])
    assert result["MetricValues"] == [1.0, 0.5, 1 / 3, 0.25]
    (summary,) = sagemaker.describe_trial_component(TrialComponentName=run["TrialComponent"])["Metrics"]
    assert (summary["Count"], summary["Max"], summary["Last"]) == (4, 1.0, 0.25)


def test_a_run_is_found_by_search(sagemaker: Any, run: dict[str, str]) -> None:
    filters = [
        {"Name": "TrialComponentName", "Operator": "Equals", "Value": run["TrialComponent"]},
        {"Name": "Parents.TrialName", "Operator": "Equals", "Value": run["Trial"]},
    ]
    answer = sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression={"Filters": filters})
    (result,) = answer["Results"]
    assert result["TrialComponent"]["Parents"] == [{"TrialName": run["Trial"], "ExperimentName": run["Experiment"]}]
    nothing = [{"Name": "ModelArtifacts.S3ModelArtifacts", "Operator": "Equals", "Value": "s3://never/model.tar.gz"}]
    assert sagemaker.search(Resource="TrainingJob", SearchExpression={"Filters": nothing})["Results"] == []


def test_lineage_leads_from_data_to_model(sagemaker: Any, run: dict[str, str], unique: Callable[[str], str]) -> None:
    def artifact(kind: str) -> str:
        made = sagemaker.create_artifact(Source={"SourceUri": f"s3://b/{unique(kind)}"}, ArtifactType=kind)
        return str(made["ArtifactArn"])

    data, model = artifact("DataSet"), artifact("Model")
    sagemaker.add_association(SourceArn=data, DestinationArn=run["Arn"], AssociationType="ContributedTo")
    sagemaker.add_association(SourceArn=run["Arn"], DestinationArn=model, AssociationType="Produced")
    found = sagemaker.query_lineage(StartArns=[data], Direction="Descendants", Filters={"Types": ["Model"]})
    assert [vertex["Arn"] for vertex in found["Vertices"]] == [model]
    pages = sagemaker.get_paginator("list_associations").paginate(DestinationArn=model)
    (association,) = [each for page in pages for each in page["AssociationSummaries"]]
    assert association["SourceName"] == run["TrialComponent"]


def test_everything_is_taken_down_in_order(sagemaker: Any, run: dict[str, str]) -> None:
    for operation, member in (("delete_experiment", "Experiment"), ("delete_trial", "Trial")):
        with pytest.raises(ClientError, match="ValidationException"):
            getattr(sagemaker, operation)(**{f"{member}Name": run[member]})
    named = {"TrialComponentName": run["TrialComponent"]}
    sagemaker.disassociate_trial_component(**named, TrialName=run["Trial"])
    sagemaker.delete_trial_component(**named)
    sagemaker.delete_trial(TrialName=run["Trial"])
    sagemaker.delete_experiment(ExperimentName=run["Experiment"])
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_experiment(ExperimentName=run["Experiment"])
