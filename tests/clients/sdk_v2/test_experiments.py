"""Experiments with the SDK v2: runs in notebooks and in jobs, data frames of them; and the older `smexperiments`."""

import datetime
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
from sagemaker.analytics import ExperimentAnalytics, TrainingJobAnalytics
from sagemaker.experiments import Run, list_runs, load_run
from sagemaker.experiments.experiment import Experiment
from sagemaker.sklearn import SKLearn

SCRIPTS = Path(__file__).parents[1] / "scripts"
STEPS = 25


@pytest.fixture(scope="module")
def experiment(unique: Callable[[str], str]) -> str:
    return unique("Housing-Prices")


@pytest.fixture(scope="module")
def notebook(session: Any, experiment: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run as a notebook's cell makes it, when it is over."""
    report = tmp_path_factory.mktemp("run") / "report.csv"
    report.write_text("a,b\n1,2\n")
    with Run(experiment_name=experiment, run_name="notebook", sagemaker_session=session) as run:
        run.log_parameter("rate", 0.1)
        run.log_parameters({"kind": "forest", "trees": 20})
        for step in range(STEPS):
            run.log_metric("loss", 1 / (step + 1), step=step)
        run.log_metric("score", 0.9)
        run.log_file(str(report), name="report", is_output=True)
        run.log_artifact("data", "s3://somewhere/data.csv", media_type="text/csv", is_output=False)
    return run


@pytest.fixture(scope="module")
def fitted(session: Any, role: str, uploaded: str, experiment: str) -> SKLearn:
    """An estimator that was fitted inside a run, with a script that logs to that run."""
    made = SKLearn(
        entry_point="train.py",
        source_dir=str(SCRIPTS / "tracked"),
        role=role,
        instance_type="ml.m5.large",
        framework_version="1.2-1",
        hyperparameters={"alpha": 0.5},
        metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        sagemaker_session=session,
    )
    with Run(experiment_name=experiment, run_name="fitted", sagemaker_session=session):
        made.fit({"train": uploaded}, logs=False)
    return made


def component(name: str) -> dict[str, Any]:
    return dict(boto3.client("sagemaker").describe_trial_component(TrialComponentName=name))


def metric(found: dict[str, Any], name: str) -> dict[str, Any]:
    (summary,) = [each for each in found["Metrics"] if each["MetricName"] == name]
    return dict(summary)


def points(arn: str, name: str) -> tuple[list[int], list[float]]:
    """A metric by iteration."""
    query = {"MetricName": name, "ResourceArn": arn, "MetricStat": "Last", "Period": "IterationNumber"}
    answer = boto3.client("sagemaker-metrics").batch_get_metrics(
        MetricQueries=[{**query, "XAxisType": "IterationNumber"}]
    )
    (result,) = answer["MetricQueryResults"]
    return result["XAxisValues"], result["MetricValues"]


def test_a_run_keeps_what_a_notebook_logs(notebook: Run, experiment: str) -> None:
    found = component(f"{experiment}-notebook")
    assert found["Status"]["PrimaryStatus"] == "Completed"
    assert found["Parameters"] == {
        "rate": {"NumberValue": 0.1},
        "kind": {"StringValue": "forest"},
        "trees": {"NumberValue": 20.0},
    }
    assert points(found["TrialComponentArn"], "loss") == (
        list(range(STEPS)),
        [1 / (step + 1) for step in range(STEPS)],
    )
    assert metric(found, "loss")["Count"] == STEPS
    assert found["InputArtifacts"]["data"]["Value"] == "s3://somewhere/data.csv"
    uri = found["OutputArtifacts"]["report"]["Value"]
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    assert boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"a,b\n1,2\n"


def test_curves_of_a_run_are_artifacts_of_its_lineage(fitted: SKLearn, experiment: str) -> None:
    sagemaker = boto3.client("sagemaker")
    arn = component(f"{experiment}-fitted")["TrialComponentArn"]
    made = sagemaker.list_associations(SourceArn=arn, AssociationType="Produced")["AssociationSummaries"]
    assert {each["DestinationType"] for each in made} == {"PrecisionRecallCurve", "ROCCurve", "ConfusionMatrix"}
    (curve,) = [each["DestinationArn"] for each in made if each["DestinationType"] == "ROCCurve"]
    uri = sagemaker.describe_artifact(ArtifactArn=curve)["Source"]["SourceUri"]
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    drawn = json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert drawn["areaUnderCurve"] > 0.9


def test_a_run_that_raises_has_failed(session: Any, experiment: str) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        Run(experiment_name=experiment, run_name="broken", sagemaker_session=session),
    ):
        1 / 0  # noqa: B018
    assert component(f"{experiment}-broken")["Status"] == {"PrimaryStatus": "Failed", "Message": "division by zero"}


def test_a_script_logs_to_the_run_that_it_was_started_in(fitted: SKLearn, experiment: str) -> None:
    run = component(f"{experiment}-fitted")
    assert run["Parameters"]["rows"] == {"NumberValue": 506.0}
    steps, losses = points(run["TrialComponentArn"], "train:loss")
    assert steps == list(range(STEPS))
    assert losses[0] > losses[-1] > 0


def test_a_jobs_component_has_what_its_log_and_its_tracker_told(fitted: SKLearn, experiment: str) -> None:
    job = fitted.latest_training_job.describe()
    found = component(f"{job['TrainingJobName']}-aws-training-job")
    assert found["Status"]["PrimaryStatus"] == "Completed"
    assert (found["StartTime"], found["EndTime"]) == (job["TrainingStartTime"], job["TrainingEndTime"])
    assert found["Parameters"]["alpha"] == {"NumberValue": 0.5}
    assert found["Parameters"]["features"] == {"NumberValue": 13.0}
    assert found["OutputArtifacts"]["SageMaker.ModelArtifact"]["Value"] == fitted.model_data
    printed, tracked = metric(found, "loss"), metric(found, "tracked:loss")
    assert printed["Count"] == tracked["Count"] == STEPS
    assert printed["Avg"] == pytest.approx(tracked["Avg"], abs=1e-5)
    assert points(found["TrialComponentArn"], "tracked:loss")[0] == list(range(STEPS))
    assert component(f"{experiment}-fitted")["Sources"] == [found["Source"]]


def test_runs_are_listed_loaded_and_none_is_a_job(
    session: Any, experiment: str, notebook: Run, fitted: SKLearn
) -> None:
    names = [run.run_name for run in list_runs(experiment_name=experiment.lower(), sagemaker_session=session)]
    assert {"notebook", "fitted"} <= set(names)
    assert not any("aws-training-job" in name for name in names)
    with load_run(experiment_name=experiment, run_name="notebook", sagemaker_session=session) as run:
        run.log_parameter("later", "yes")
    assert component(f"{experiment}-notebook")["Parameters"]["rate"] == {"NumberValue": 0.1}


def test_runs_are_compared_as_a_data_frame(session: Any, experiment: str, notebook: Run, fitted: SKLearn) -> None:
    frame = ExperimentAnalytics(experiment_name=experiment.lower(), sagemaker_session=session).dataframe()
    assert {"rate", "alpha", "loss - Last", "train:loss - Min", "SageMaker.InstanceType"} <= set(frame.columns)
    job = frame[frame["TrialComponentName"].str.endswith("-aws-training-job")].iloc[0]
    assert job["SageMaker.InstanceCount"] == 1.0
    assert job["loss - Count"] == STEPS
    assert job["Experiments"] == [experiment.lower()]
    chosen = ExperimentAnalytics(
        experiment_name=experiment.lower(),
        metric_names=["loss"],
        parameter_names=["rate"],
        sort_by="metrics.loss.last",
        sort_order="Ascending",
        sagemaker_session=session,
    ).dataframe()
    losses = [value for value in chosen["loss - Last"] if not pd.isna(value)]
    assert losses == sorted(losses)
    assert "alpha" not in chosen.columns
    expression = {"Filters": [
        {"Name": "parameters.rate", "Operator": "GreaterThan", "Value": "0.05"},
        {"Name": "metrics.loss.last", "Operator": "LessThan", "Value": "0.5"},
    ]}  # fmt: skip
    found = ExperimentAnalytics(
        experiment_name=experiment.lower(), search_expression=expression, sagemaker_session=session
    ).dataframe()
    assert list(found["TrialComponentName"]) == [f"{experiment}-notebook".lower()]


def test_a_jobs_metrics_come_as_a_data_frame(session: Any, fitted: SKLearn) -> None:
    name = fitted.latest_training_job.name
    frame = TrainingJobAnalytics(name, ["loss"], sagemaker_session=session).dataframe()
    assert set(frame["metric_name"]) == {"loss"}
    assert frame["value"].iloc[0] > 0


def test_an_experiment_is_deleted_with_all_its_runs(session: Any, unique: Callable[[str], str]) -> None:
    name = unique("short")
    with Run(experiment_name=name, run_name="only", sagemaker_session=session) as run:
        run.log_metric("loss", 1.0)
    Experiment.load(name, sagemaker_session=session)._delete_all(action="--force")
    sagemaker = boto3.client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_experiment(ExperimentName=name)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        component(f"{name}-only")


# The older package, which many notebooks still use.


@pytest.fixture(scope="module")
def older(unique: Callable[[str], str]) -> Iterator[Any]:
    """An experiment of `smexperiments` with a trial and a tracker's component in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from smexperiments.experiment import Experiment
        from smexperiments.tracker import Tracker
        from smexperiments.trial import Trial
    experiment = Experiment.create(experiment_name=unique("older"), description="of old")
    trial = Trial.create(trial_name=unique("old-trial"), experiment_name=experiment.experiment_name)
    with Tracker.create(display_name="Preprocessing") as tracker:
        tracker.log_parameters({"mean": 0.13, "deviation": 0.3, "how": "scaled"})
        tracker.log_input(name="data", media_type="s3/uri", value="s3://somewhere/data")
    trial.add_trial_component(tracker.trial_component)
    yield experiment, trial, tracker
    experiment.delete_all(action="--force")


def test_a_tracker_of_old_logs_and_loads(older: Any) -> None:
    from smexperiments.tracker import Tracker

    _, trial, tracker = older
    loaded = Tracker.load(tracker.trial_component.trial_component_name)
    assert loaded.trial_component.parameters == {"mean": 0.13, "deviation": 0.3, "how": "scaled"}
    assert loaded.trial_component.display_name == "Preprocessing"
    listed = list(trial.list_trial_components())
    assert [each.trial_component_name for each in listed] == [tracker.trial_component.trial_component_name]


def test_what_is_there_of_old_is_found(older: Any) -> None:
    from smexperiments.experiment import Experiment
    from smexperiments.search_expression import Filter, Operator, SearchExpression
    from smexperiments.trial_component import TrialComponent

    experiment, trial, tracker = older
    assert experiment.experiment_name in [each.experiment_name for each in Experiment.list()]
    assert [each.trial_name for each in experiment.list_trials()] == [trial.trial_name]
    wanted = SearchExpression(filters=[Filter("ExperimentName", Operator.EQUALS, experiment.experiment_name)])
    (found,) = Experiment.search(search_expression=wanted)
    assert found.description == "of old"
    within = SearchExpression(filters=[Filter("Parents.TrialName", Operator.EQUALS, trial.trial_name)])
    (component,) = TrialComponent.search(search_expression=within)
    assert component.trial_component_name == tracker.trial_component.trial_component_name
    with pytest.raises(Exception, match="already exists"):
        Experiment.create(experiment_name=experiment.experiment_name)


def test_an_experiment_of_old_is_deleted_with_all_in_it(unique: Callable[[str], str]) -> None:
    from smexperiments.experiment import Experiment
    from smexperiments.tracker import Tracker

    experiment = Experiment.create(experiment_name=unique("doomed"))
    experiment.create_trial().add_trial_component(Tracker.create().trial_component)
    experiment.delete_all(action="--force")
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=10)
    assert experiment.experiment_name not in [each.experiment_name for each in Experiment.list(created_after=since)]
