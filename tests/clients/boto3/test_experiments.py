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


@pytest.fixture(scope="module")
def in_trial(
    sagemaker: Any, job_request: Callable[..., dict[str, Any]], unique: Callable[[str], str]
) -> dict[str, Any]:
    """A training job in a trial, when it is over: its component, as DescribeTrialComponent has it."""
    names = {"ExperimentName": unique("prices"), "TrialName": unique("forests")}
    sagemaker.create_experiment(ExperimentName=names["ExperimentName"])
    sagemaker.create_trial(**names)
    request = job_request(**{"n-estimators": 20})
    request["ExperimentConfig"] = {**names, "TrialComponentDisplayName": "forest-of-20"}
    request["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "validation:rmse", "Regex": "validation:rmse=([0-9.]+)"}
    ]
    sagemaker.create_training_job(**request)
    job = {"TrainingJobName": request["TrainingJobName"]}
    begun = sagemaker.describe_trial_component(TrialComponentName=f"{request['TrainingJobName']}-aws-training-job")
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(**job, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    component = sagemaker.describe_trial_component(TrialComponentName=begun["TrialComponentName"])
    return {**component, **names, "Begun": begun, "Job": sagemaker.describe_training_job(**job)}


def test_a_job_in_a_trial_has_a_component(sagemaker: Any, in_trial: dict[str, Any], housing: str) -> None:
    job = in_trial["Job"]
    assert in_trial["Begun"]["Status"]["PrimaryStatus"] == "InProgress"
    assert in_trial["Status"]["PrimaryStatus"] == job["TrainingJobStatus"] == "Completed"
    assert (in_trial["StartTime"], in_trial["EndTime"]) == (job["TrainingStartTime"], job["TrainingEndTime"])
    assert in_trial["Source"] == {"SourceArn": job["TrainingJobArn"], "SourceType": "SageMakerTrainingJob"}
    assert in_trial["DisplayName"] == "forest-of-20"
    assert in_trial["Parameters"]["n-estimators"] == {"NumberValue": 20.0}
    assert in_trial["Parameters"]["SageMaker.InstanceType"] == {"StringValue": "ml.m5.large"}
    assert in_trial["InputArtifacts"] == {"train": {"Value": housing, "MediaType": "text/csv"}}
    assert in_trial["OutputArtifacts"] == {
        "SageMaker.ModelArtifact": {"Value": job["ModelArtifacts"]["S3ModelArtifacts"]}
    }
    (metric,) = in_trial["Metrics"]
    assert metric["Last"] == pytest.approx(job["FinalMetricDataList"][0]["Value"], rel=1e-6)
    assert (metric["Count"], metric["SourceArn"]) == (1, job["TrainingJobArn"])
    listed = sagemaker.list_trial_components(TrialName=in_trial["TrialName"])["TrialComponentSummaries"]
    assert [each["TrialComponentName"] for each in listed] == [in_trial["TrialComponentName"]]
    assert sagemaker.list_trial_components(SourceArn=job["TrainingJobArn"])["TrialComponentSummaries"] == listed


def test_a_job_says_what_it_used_and_made(sagemaker: Any, in_trial: dict[str, Any], housing: str) -> None:
    arn, job = in_trial["TrialComponentArn"], in_trial["Job"]
    used = sagemaker.list_associations(DestinationArn=arn)["AssociationSummaries"]
    assert {(each["SourceType"], each["AssociationType"]) for each in used} == {
        ("DataSet", "ContributedTo"),
        ("Image", "ContributedTo"),
    }
    (made,) = sagemaker.list_associations(SourceArn=arn)["AssociationSummaries"]
    assert (made["DestinationType"], made["AssociationType"]) == ("Model", "Produced")
    model = sagemaker.describe_artifact(ArtifactArn=made["DestinationArn"])
    assert model["Source"]["SourceUri"] == job["ModelArtifacts"]["S3ModelArtifacts"]
    (data,) = sagemaker.list_artifacts(SourceUri=housing)["ArtifactSummaries"]
    below = {"StartArns": [data["ArtifactArn"]], "Direction": "Descendants"}
    models = sagemaker.query_lineage(**below, Filters={"Types": ["Model"]}, MaxResults=50)["Vertices"]
    assert made["DestinationArn"] in [vertex["Arn"] for vertex in models]
    jobs = sagemaker.query_lineage(**below, Filters={"Types": ["TrainingJob"]}, MaxResults=50)["Vertices"]
    assert {"Arn": arn, "Type": "TrainingJob", "LineageType": "TrialComponent"} in jobs


def test_a_job_in_no_trial_has_a_component_too(sagemaker: Any, trained: dict[str, Any]) -> None:
    arn = trained["TrainingJobArn"]
    expression = {"Filters": [{"Name": "Source.SourceArn", "Operator": "Equals", "Value": arn}]}
    (found,) = sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression=expression)["Results"]
    component = found["TrialComponent"]
    assert component["TrialComponentName"] == f"{trained['TrainingJobName']}-aws-training-job"
    assert "Parents" not in component
    assert component["SourceDetail"]["TrainingJob"]["TrainingJobName"] == trained["TrainingJobName"]


@pytest.mark.parametrize("member", ["ExperimentName", "TrialName", "RunName"])
def test_a_job_for_what_is_not_there_is_refused(
    sagemaker: Any, job_request: Callable[..., dict[str, Any]], member: str
) -> None:
    request = {**job_request(), "ExperimentConfig": {member: "never-made"}}
    with pytest.raises(ClientError, match=r"ValidationException.*never-made"):
        sagemaker.create_training_job(**request)
    with pytest.raises(ClientError):
        sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_trial_component(TrialComponentName=f"{request['TrainingJobName']}-aws-training-job")


def test_every_point_that_was_acknowledged_survives_a_kill(own_server: Any) -> None:
    environment = own_server.environment()
    session = boto3.Session(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"],
                            environment.get("AWS_SESSION_TOKEN"), environment["AWS_REGION"])  # fmt: skip

    def client(name: str) -> Any:
        return session.client(name, endpoint_url=environment["AWS_ENDPOINT_URL"])

    arn = client("sagemaker").create_trial_component(TrialComponentName="killed")["TrialComponentArn"]
    now = datetime.datetime.now(datetime.UTC)
    for batch in range(20):
        data = [{"MetricName": f"m{step % 3}", "Timestamp": now, "Step": step, "Value": step / 7}
                for step in range(batch * 10, batch * 10 + 10)]  # fmt: skip
        client("sagemaker-metrics").batch_put_metrics(TrialComponentName="killed", MetricData=data)
    own_server.kill()
    own_server.start()
    query = {"ResourceArn": arn, "MetricStat": "Last", "Period": "IterationNumber", "XAxisType": "IterationNumber"}
    queries = [{**query, "MetricName": f"m{number}"} for number in range(3)]
    results = client("sagemaker-metrics").batch_get_metrics(MetricQueries=queries)["MetricQueryResults"]
    for number, result in enumerate(results):
        assert result["XAxisValues"] == list(range(number, 200, 3))
        assert result["MetricValues"] == [step / 7 for step in range(number, 200, 3)]
    summaries = client("sagemaker").describe_trial_component(TrialComponentName="killed")["Metrics"]
    assert [each["Count"] for each in summaries] == [67, 67, 66]


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
