"""Automatic model tuning over the API alone: every strategy, limits, ends, and a server that is killed on the way."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
OBJECTIVE = {"Type": "Minimize", "MetricName": "loss"}
X = {"Name": "x", "MinValue": "-5", "MaxValue": "5"}
Y = {"Name": "y", "MinValue": "0", "MaxValue": "9"}
RANGES = {"ContinuousParameterRanges": [X], "IntegerParameterRanges": [Y]}


@pytest.fixture(scope="session")
def sagemaker(server: Any) -> Any:
    return boto3.client("sagemaker")


@pytest.fixture
def definition(job_request: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A TrainingJobDefinition of the script with a known surface."""

    def make(**static: Any) -> dict[str, Any]:
        request = job_request(SCRIPTS / "surface.py", **static)
        del request["TrainingJobName"], request["InputDataConfig"]
        request["StaticHyperParameters"] = request.pop("HyperParameters")
        request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
        return request

    return make


def config(strategy: str = "Random", jobs: int | None = 4, parallel: int = 2, **more: Any) -> dict[str, Any]:
    limits = {"MaxParallelTrainingJobs": parallel} | ({"MaxNumberOfTrainingJobs": jobs} if jobs else {})
    return {
        "Strategy": strategy,
        "HyperParameterTuningJobObjective": OBJECTIVE,
        "ResourceLimits": limits,
        "ParameterRanges": RANGES,
        "RandomSeed": 7,
        **more,
    }


def ended(sagemaker: Any, name: str, timeout: float = 300) -> dict[str, Any]:
    """What it says when it is over."""
    end = time.monotonic() + timeout
    while True:
        told = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if told["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
            return dict(told)
        assert time.monotonic() < end, told
        time.sleep(0.05)


def children(sagemaker: Any, name: str, **options: Any) -> Sequence[dict[str, Any]]:
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    found = pages.paginate(HyperParameterTuningJobName=name, **options)
    return [summary for page in found for summary in page["TrainingJobSummaries"]]


@pytest.fixture
def tune(sagemaker: Any, definition: Callable[..., Any], unique: Callable[[str], str]) -> Callable[..., str]:
    """Starts a tuning job, and gives its name."""

    def tune(settings: dict[str, Any], static: dict[str, Any] | None = None, **members: Any) -> str:
        name = unique("tune")
        if "TrainingJobDefinitions" not in members:
            members["TrainingJobDefinition"] = definition(**(static or {}))
        sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name, HyperParameterTuningJobConfig=settings, **members
        )
        return name

    return tune


def surface(child: dict[str, Any]) -> float:
    """What the script says of a training job's hyperparameters, after one epoch."""
    tuned = child["TunedHyperParameters"]
    return (float(tuned["x"]) - 2) ** 2 + (int(tuned["y"]) - 3) ** 2 + 1


def value(child: dict[str, Any]) -> float:
    return float(child["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])


def test_random_search_runs_what_it_was_asked_for(sagemaker: Any, tune: Callable[..., str]) -> None:
    name = tune(config())
    told = ended(sagemaker, name)
    assert told["HyperParameterTuningJobStatus"] == "Completed", told
    assert told["TrainingJobStatusCounters"]["Completed"] == 4
    assert told["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    assert told["HyperParameterTuningEndTime"] >= told["CreationTime"]
    assert "RuntimeInSeconds" in told["ConsumedResources"]
    listed = children(sagemaker, name, SortBy="FinalObjectiveMetricValue", SortOrder="Ascending")
    assert [value(each) for each in listed] == sorted(value(each) for each in listed)
    assert [value(each) for each in listed] == pytest.approx([surface(each) for each in listed], abs=1e-4)
    assert told["BestTrainingJob"]["TrainingJobName"] == listed[0]["TrainingJobName"]
    assert [each["TrainingJobName"][: len(name) + 4] for each in children(sagemaker, name)] == [
        f"{name}-00{number}" for number in (1, 2, 3, 4)
    ]


def test_its_training_jobs_are_training_jobs_like_any_other(sagemaker: Any, tune: Callable[..., str]) -> None:
    name = tune(config(jobs=1, parallel=1), {"kind": "round"})
    told = ended(sagemaker, name)
    child = told["BestTrainingJob"]
    job = sagemaker.describe_training_job(TrainingJobName=child["TrainingJobName"])
    assert job["TuningJobArn"] == told["HyperParameterTuningJobArn"]
    assert job["HyperParameters"]["_tuning_objective_metric"] == "loss"
    assert job["HyperParameters"].items() > child["TunedHyperParameters"].items()
    assert job["HyperParameters"]["kind"] == '"round"'
    assert job["SecondaryStatusTransitions"][-1]["Status"] == "Completed"
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith(f"{child['TrainingJobName']}/output/model.tar.gz")
    expression = {"Filters": [{"Name": "HyperParameterTuningJobName", "Operator": "Equals", "Value": name}]}
    (found,) = sagemaker.search(Resource="HyperParameterTuningJob", SearchExpression=expression)["Results"]
    assert found["HyperParameterTuningJob"]["TrainingJobStatusCounters"]["Completed"] == 1
    sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert sagemaker.describe_training_job(TrainingJobName=child["TrainingJobName"])["TrainingJobStatus"] == "Completed"


def test_bayesian_search_over_two_definitions(
    sagemaker: Any, definition: Callable[..., Any], tune: Callable[..., str]
) -> None:
    kinds = [
        {**definition(kind=kind), "DefinitionName": kind, "TuningObjective": OBJECTIVE, "HyperParameterRanges": RANGES}
        for kind in ("round", "raised")
    ]
    settings = config("Bayesian", jobs=10)
    del settings["HyperParameterTuningJobObjective"], settings["ParameterRanges"]
    name = tune(settings, TrainingJobDefinitions=kinds)
    told = ended(sagemaker, name)
    assert told["TrainingJobStatusCounters"]["Completed"] == 10
    listed = children(sagemaker, name)
    names = [each["TrainingJobDefinitionName"] for each in listed]
    assert (names.count("round"), names.count("raised")) == (5, 5)
    assert told["BestTrainingJob"]["TrainingJobDefinitionName"] == "round"
    assert value(told["BestTrainingJob"]) == min(value(each) for each in listed)


def test_a_grid_is_tried_whole(sagemaker: Any, tune: Callable[..., str]) -> None:
    grid = [{"Name": "x", "Values": ["1", "2"]}, {"Name": "y", "Values": ["3", "4", "5"]}]
    name = tune(config("Grid", jobs=None, ParameterRanges={"CategoricalParameterRanges": grid}))
    told = ended(sagemaker, name)
    assert told["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 6
    tried = {
        (each["TunedHyperParameters"]["x"], each["TunedHyperParameters"]["y"]) for each in children(sagemaker, name)
    }
    assert tried == {(x, y) for x in "12" for y in "345"}
    assert told["BestTrainingJob"]["TunedHyperParameters"] == {"x": "2", "y": "3"}


def test_hyperband_ends_what_does_badly(sagemaker: Any, tune: Callable[..., str]) -> None:
    name = tune(config("Hyperband", jobs=8), {"epochs": 9, "pause": 0.15, "bad": 30})
    told = ended(sagemaker, name)
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    counters = told["TrainingJobStatusCounters"]
    assert counters["Stopped"] >= 1
    assert counters["Stopped"] + counters["Completed"] == 8
    assert told["ObjectiveStatusCounters"]["Succeeded"] == 8
    band = told["HyperParameterTuningJobConfig"]["StrategyConfig"]["HyperbandStrategyConfig"]
    assert band == {"MinResource": 1, "MaxResource": 9}


def test_early_stopping_ends_who_falls_behind(sagemaker: Any, tune: Callable[..., str]) -> None:
    grid = [{"Name": "x", "Values": ["2", "1.9", "2.1", "-5"]}, {"Name": "y", "Values": ["3"]}]
    settings = config(
        "Grid", 4, 1, ParameterRanges={"CategoricalParameterRanges": grid}, TrainingJobEarlyStoppingType="Auto"
    )
    name = tune(settings, {"epochs": 5, "pause": 0.1, "bad": 30})
    told = ended(sagemaker, name)
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    states = {each["TunedHyperParameters"]["x"]: each["TrainingJobStatus"] for each in children(sagemaker, name)}
    assert states == {"2": "Completed", "1.9": "Completed", "2.1": "Completed", "-5": "Stopped"}
    assert told["ObjectiveStatusCounters"]["Succeeded"] == 4


def test_a_target_ends_it(sagemaker: Any, tune: Callable[..., str]) -> None:
    name = tune(config(jobs=100, TuningJobCompletionCriteria={"TargetObjectiveMetricValue": 1000.0}))
    told = ended(sagemaker, name)
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert told["TrainingJobStatusCounters"]["InProgress"] == 0
    assert len(children(sagemaker, name)) < 10


@pytest.mark.parametrize(
    ("static", "reason"),
    [
        ({"fail": 1}, "No training job succeeded after 5 attempts."),
        ({"mute": 1}, "No objective metrics found after running 5 training jobs."),
    ],
)
def test_it_gives_up_when_nothing_succeeds(
    sagemaker: Any, tune: Callable[..., str], static: dict[str, Any], reason: str
) -> None:
    name = tune(config(jobs=20, parallel=1), static)
    told = ended(sagemaker, name)
    assert told["HyperParameterTuningJobStatus"] == "Failed"
    assert told["FailureReason"].startswith(reason)
    assert told["ObjectiveStatusCounters"] == {"Succeeded": 0, "Pending": 0, "Failed": 5}
    assert "BestTrainingJob" not in told
    assert children(sagemaker, name, SortBy="FinalObjectiveMetricValue") == []


def test_stopping_it_stops_its_training_jobs(
    sagemaker: Any, tune: Callable[..., str], eventually: Callable[..., Any]
) -> None:
    name = tune(config(), {"pause": 60})
    eventually(lambda: len(children(sagemaker, name)) == 2)
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    told = ended(sagemaker, name)
    assert told["HyperParameterTuningJobStatus"] == "Stopped"
    assert [each["TrainingJobStatus"] for each in children(sagemaker, name)] == ["Stopped", "Stopped"]
    with pytest.raises(Exception, match="tuning job is in status Stopped"):
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


@pytest.mark.parametrize("kind", ["IdenticalDataAndAlgorithm", "TransferLearning"])
def test_a_warm_start_knows_its_parents_jobs(sagemaker: Any, tune: Callable[..., str], kind: str) -> None:
    parent = tune(config("Bayesian", jobs=4))
    before = ended(sagemaker, parent)["BestTrainingJob"]
    warm = {"WarmStartType": kind, "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent}]}
    name = tune(config("Bayesian", jobs=1, parallel=1), WarmStartConfig=warm)
    told = ended(sagemaker, name)
    (child,) = children(sagemaker, name)
    if kind == "TransferLearning":
        assert child["TunedHyperParameters"] == before["TunedHyperParameters"]
        assert "OverallBestTrainingJob" not in told
    else:
        overall = told["OverallBestTrainingJob"]
        assert value(overall) == min(value(before), value(child))
        assert overall["TuningJobName"] == (parent if value(before) <= value(child) else name)


def test_autotune_chooses_what_is_left_open(sagemaker: Any, tune: Callable[..., str]) -> None:
    auto = {"AutoParameters": [{"Name": "x", "ValueHint": "0.5"}, {"Name": "y", "ValueHint": "4"}]}
    settings = config("Bayesian", jobs=3, ParameterRanges=auto | {"AutoParameters": [
        *auto["AutoParameters"], {"Name": "kind", "ValueHint": '"round"'}
    ]})  # fmt: skip
    name = tune(settings, Autotune={"Mode": "Enabled"})
    told = ended(sagemaker, name)
    assert told["TrainingJobStatusCounters"]["Completed"] == 3
    assert told["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] == "Auto"
    ranges = told["HyperParameterTuningJobConfig"]["ParameterRanges"]
    assert [each["Name"] for each in ranges["ContinuousParameterRanges"]] == ["x"]
    assert [each["Name"] for each in ranges["IntegerParameterRanges"]] == ["y"]
    assert told["TrainingJobDefinition"]["StaticHyperParameters"]["kind"] == '"round"'


def test_a_killed_server_goes_on_where_it_was(own_server: Any, eventually: Callable[..., Any]) -> None:
    environment = own_server.environment()
    options = {
        "endpoint_url": f"http://127.0.0.1:{own_server.port}",
        "region_name": environment["AWS_REGION"],
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "aws_session_token": environment.get("AWS_SESSION_TOKEN"),
    }
    sagemaker, s3, logs = (boto3.client(service, **options) for service in ("sagemaker", "s3", "logs"))
    s3.create_bucket(Bucket="own")
    s3.put_object(Bucket="own", Key="source/sourcedir.tar.gz", Body=packed(SCRIPTS / "surface.py"))
    code = {"sagemaker_program": "surface.py", "sagemaker_submit_directory": "s3://own/source/sourcedir.tar.gz"}
    given = {
        "RoleArn": "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole".replace(
            "123456789012", boto3.client("sts", **options).get_caller_identity()["Account"]
        ),
        "AlgorithmSpecification": {
            "TrainingImage": SKLEARN,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        },
        "StaticHyperParameters": {key: json.dumps(text) for key, text in code.items()},
        "OutputDataConfig": {"S3OutputPath": "s3://own/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="killed", HyperParameterTuningJobConfig=config("Bayesian", jobs=12),
        TrainingJobDefinition=given,
    )  # fmt: skip
    for done in (2, 5, 8):
        eventually(lambda done=done: len(children(sagemaker, "killed")) >= done, every=0.01)
        own_server.kill()
        own_server.start()
    told = ended(sagemaker, "killed")
    assert told["HyperParameterTuningJobStatus"] == "Completed", told
    listed = children(sagemaker, "killed")
    assert [int(each["TrainingJobName"].split("-")[1]) for each in listed] == list(range(1, 13))
    assert told["TrainingJobStatusCounters"]["Completed"] == 12
    events = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", filterPattern='"the objective is"')
    streams = [event["logStreamName"] for event in events["events"]]
    assert len(streams) == len(set(streams)) == 12, "a training job ran twice"


def packed(script: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(script, script.name)
    return buffer.getvalue()
