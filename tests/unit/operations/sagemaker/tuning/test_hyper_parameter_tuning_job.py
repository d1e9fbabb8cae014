"""What CreateHyperParameterTuningJob takes, refuses and fills in; stops, lists and deletions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sagewright.resources import training_job, trial_component
from sagewright.resources.hyper_parameter_tuning_job import KIND, definitions, training_request, training_status
from sagewright.resources.owner import OWNER
from sagewright.resources.record import Key, Record
from sagewright.testing.asker import Asker, Refused

X = {"Name": "x", "MinValue": "0", "MaxValue": "1"}
N = {"Name": "n", "MinValue": "1", "MaxValue": "4"}
KINDS = {"Name": "k", "Values": ["a", "b", "c"]}
OBJECTIVE = {"Type": "Minimize", "MetricName": "loss"}
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def request_of(role: str) -> dict[str, Any]:
    """A tuning job that is fine."""
    return {
        "HyperParameterTuningJobName": "tune",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": OBJECTIVE,
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"ContinuousParameterRanges": [X], "IntegerParameterRanges": [N]},
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {
                "TrainingImage": "image",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
            },
            "RoleArn": role,
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
    }


def config(request: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = request["HyperParameterTuningJobConfig"]
    return found


def make(asker: Asker, request: dict[str, Any], name: str = "tune") -> dict[str, Any]:
    asker.call("CreateHyperParameterTuningJob", **{**request, "HyperParameterTuningJobName": name})
    return asker.call("DescribeHyperParameterTuningJob", HyperParameterTuningJobName=name)


def record_of(asker: Asker, name: str = "tune") -> Record:
    settings = asker.server.settings
    record = asker.server.storage.store.get(Key(settings.account, settings.region, KIND, "", name))
    assert record is not None
    return record


def settle(asker: Asker, name: str = "tune", state: str = "Completed") -> None:
    """As the controller would; none runs here."""
    asker.server.storage.store.update(replace(record_of(asker, name), state=state))


def start(asker: Asker, name: str, number: int, value: float | None, state: str = "Completed") -> str:
    """A training job of a tuning job, as the controller writes it down, and its end."""
    tuning = record_of(asker, name)
    (kind,) = definitions(tuning.spec)
    values = {"x": "0.5", "n": str(number % 4 + 1)}
    request = training_request(kind, f"{name}-{number:03d}-x", values)
    told = [] if value is None else [{"MetricName": "loss", "Value": value, "Timestamp": 1.0}]
    made = training_job.new(
        tuning.key.account,
        tuning.key.region,
        request,
        now=1000.0 + number,
        uid=f"{name}{number}",
        status={**training_status(tuning, kind, number, values), "FinalMetricDataList": told},
    )
    asker.server.storage.store.create(replace(made, state=state))
    return made.name


def test_it_begins_without_training_jobs(asker: Asker, request_of: dict[str, Any]) -> None:
    told = make(asker, request_of)
    assert told["HyperParameterTuningJobStatus"] == "InProgress"
    assert told["TrainingJobStatusCounters"]["InProgress"] == 0
    (summary,) = asker.call("ListHyperParameterTuningJobs")["HyperParameterTuningJobSummaries"]
    assert summary["Strategy"] == "Bayesian"
    assert summary["ResourceLimits"] == config(request_of)["ResourceLimits"]
    listed = asker.call("ListTrainingJobsForHyperParameterTuningJob", HyperParameterTuningJobName="tune")
    assert listed["TrainingJobSummaries"] == []


def test_names_are_taken_once(asker: Asker, request_of: dict[str, Any]) -> None:
    make(asker, request_of)
    with pytest.raises(Refused, match="ResourceInUse: A hyperparameter tuning job with the name, tune, already exists"):
        make(asker, request_of)


def test_what_clients_read_without_asking_is_there(asker: Asker, request_of: dict[str, Any]) -> None:
    told = make(asker, request_of)
    assert told["TrainingJobDefinition"]["StaticHyperParameters"] == {"_tuning_objective_metric": "loss"}
    assert told["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] == "Off"
    assert told["HyperParameterTuningJobConfig"]["ParameterRanges"]["CategoricalParameterRanges"] == []


def test_a_built_in_algorithm_brings_its_metrics(asker: Asker, request_of: dict[str, Any]) -> None:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    algorithm = {"TrainingImage": image, "TrainingInputMode": "File"}
    request_of["TrainingJobDefinition"]["AlgorithmSpecification"] = algorithm
    config(request_of)["HyperParameterTuningJobObjective"] = {"Type": "Minimize", "MetricName": "validation:rmse"}
    told = make(asker, request_of)
    named = [each["Name"] for each in told["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]]
    assert "validation:rmse" in named


# What is refused, before anything is written.


def _ranges(**ranges: Any) -> Change:
    return lambda request: config(request).update(ParameterRanges=ranges)


def _limits(**limits: Any) -> Change:
    return lambda request: config(request)["ResourceLimits"].update(limits)


def _config(**members: Any) -> Change:
    return lambda request: config(request).update(members)


def _definition(**members: Any) -> Change:
    return lambda request: request["TrainingJobDefinition"].update(members)


def _grid(jobs: int, *ranges: Any) -> Change:
    def change(request: dict[str, Any]) -> None:
        config(request).update(Strategy="Grid", ParameterRanges={"CategoricalParameterRanges": list(ranges)})
        config(request)["ResourceLimits"]["MaxNumberOfTrainingJobs"] = jobs

    return change


def _hyperband(**members: Any) -> Change:
    def change(request: dict[str, Any]) -> None:
        bounds = members.pop("bounds", {"MaxResource": 9})
        config(request).update(Strategy="Hyperband", StrategyConfig={"HyperbandStrategyConfig": bounds}, **members)

    return change


def _no_objective(request: dict[str, Any]) -> None:
    del config(request)["HyperParameterTuningJobObjective"]


def _no_metrics(request: dict[str, Any]) -> None:
    del request["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]


def _both_resources(request: dict[str, Any]) -> None:
    request["TrainingJobDefinition"]["HyperParameterTuningResourceConfig"] = {"InstanceType": "ml.m5.large"}


def _several(*names: str | None, **more: Any) -> Change:
    def change(request: dict[str, Any]) -> None:
        one = request.pop("TrainingJobDefinition")
        ranges = config(request).pop("ParameterRanges")
        objective = config(request).pop("HyperParameterTuningJobObjective")
        request["TrainingJobDefinitions"] = [
            {
                **one,
                "TuningObjective": objective,
                "HyperParameterRanges": ranges,
                **({"DefinitionName": n} if n else {}),
            }
            for n in names
        ]
        config(request).update(more)

    return change


def _other_type(request: dict[str, Any]) -> None:
    _several("a", "b")(request)
    request["TrainingJobDefinitions"][1]["TuningObjective"] = {**OBJECTIVE, "Type": "Maximize"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_ranges(IntegerParameterRanges=[{**N, "MinValue": "5"}]), "must be less than its MaxValue"),
        (_ranges(ContinuousParameterRanges=[{**X, "ScalingType": "Logarithmic"}]), "needs values above 0"),
        (_ranges(), "At least one hyperparameter"),
        (_ranges(AutoParameters=[{"Name": "x", "ValueHint": "1"}]), "AutoParameters need Autotune"),
        (_ranges(CategoricalParameterRanges=[KINDS]), r"You don't have enough combinations .* \[3.0\] .* \[4\]"),
        (_limits(MaxParallelTrainingJobs=5), r"MaxParallelTrainingJobs \[5\] must be less than or equal"),
        (_limits(MaxNumberOfTrainingJobs=751), "ResourceLimitExceeded: The limit of training jobs"),
        (_limits(MaxNumberOfTrainingJobs=500, MaxParallelTrainingJobs=101), "ResourceLimitExceeded: .* parallel"),
        (_no_objective, "An objective metric is required"),
        (_no_metrics, "A metric is required for this hyperparameter tuning job objective. Provide a metric"),
        (
            _config(HyperParameterTuningJobObjective={"Type": "Minimize", "MetricName": "auc"}),
            r"\[auc\], isn't valid. Provide one of the metric definitions: \[loss\]",
        ),
        (_definition(StaticHyperParameters={"x": "1"}), "cannot be both static and tuned: x"),
        (_definition(TuningObjective=OBJECTIVE), "exclude each other"),
        (_definition(AlgorithmSpecification={"TrainingInputMode": "File", "MetricDefinitions": [
            {"Name": "loss", "Regex": "l"}]}), "Exactly one of TrainingImage and AlgorithmName"),
        (_definition(RoleArn="arn:aws:iam::123456789012:role/nobody"), "Could not assume role"),
        (_both_resources, "Exactly one of ResourceConfig and HyperParameterTuningResourceConfig"),
        (_grid(3, KINDS), None),
        (_grid(4, KINDS), r"\[4\] must equal the number of combinations of the grid, \[3\]"),
        (lambda request: config(request).update(Strategy="Grid"), "categorical ranges only"),
        (_hyperband(), None),
        (_hyperband(TrainingJobEarlyStoppingType="Auto"), "must be Off with Hyperband"),
        (_hyperband(bounds={}), "MaxResource parameter is not provided and could not be inferred"),
        (_hyperband(bounds={"MinResource": 9, "MaxResource": 9}), "must be less than MaxResource"),
        (_hyperband(bounds={"MaxResource": 20_001}), "at most 20000"),
        (_config(StrategyConfig={"HyperbandStrategyConfig": {"MaxResource": 9}}), "for the strategy Hyperband only"),
        (_several("a", "b"), None),
        (_several("a", None), "DefinitionName of its own"),
        (_several("a", "a"), "DefinitionName of its own"),
        (_several("a", ParameterRanges={}), "belong to the definitions"),
        (_other_type, "must be of the same type"),
        (lambda request: request.pop("TrainingJobDefinition"), "Exactly one of TrainingJobDefinition"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(
    asker: Asker, request_of: dict[str, Any], change: Change, reason: str | None
) -> None:
    change(request_of)
    if reason is None:
        make(asker, request_of)
        return
    with pytest.raises(Refused, match=reason):
        make(asker, request_of)
    assert asker.call("ListHyperParameterTuningJobs")["HyperParameterTuningJobSummaries"] == []


def test_hyperband_finds_its_epochs(asker: Asker, request_of: dict[str, Any]) -> None:
    config(request_of)["Strategy"] = "Hyperband"
    request_of["TrainingJobDefinition"]["StaticHyperParameters"] = {"n-epochs": '"30"'}
    band = make(asker, request_of)["HyperParameterTuningJobConfig"]["StrategyConfig"]["HyperbandStrategyConfig"]
    assert band == {"MinResource": 1, "MaxResource": 30}


def test_what_training_jobs_do_not_do_is_refused_here_too(asker: Asker, request_of: dict[str, Any]) -> None:
    channel = {"ChannelName": "a", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/c"}}}
    request_of["TrainingJobDefinition"]["InputDataConfig"] = [channel, channel]
    with pytest.raises(Refused, match="Channel names must be unique"):
        make(asker, request_of)


def test_the_first_of_several_instance_configurations_is_taken(asker: Asker, request_of: dict[str, Any]) -> None:
    del request_of["TrainingJobDefinition"]["ResourceConfig"]
    request_of["TrainingJobDefinition"]["HyperParameterTuningResourceConfig"] = {
        "AllocationStrategy": "Prioritized",
        "InstanceConfigs": [
            {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
            {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        ],
    }
    make(asker, request_of)
    (kind,) = definitions(record_of(asker).spec)
    resources = training_request(kind, "a", {})["ResourceConfig"]
    assert kind.request["ResourceConfig"] == resources
    assert resources == {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}


@pytest.mark.parametrize(
    ("ranges", "autotune", "jobs"),
    [
        ({"ContinuousParameterRanges": [X]}, False, 750),
        ({"ContinuousParameterRanges": [X]}, True, 20),
        ({"CategoricalParameterRanges": [KINDS]}, False, 3),
        ({"CategoricalParameterRanges": [KINDS]}, True, 3),
    ],
)
def test_where_no_number_of_jobs_is_given(
    asker: Asker, request_of: dict[str, Any], ranges: dict[str, Any], autotune: bool, jobs: int
) -> None:
    config(request_of)["ParameterRanges"] = ranges
    del config(request_of)["ResourceLimits"]["MaxNumberOfTrainingJobs"]
    told = make(asker, request_of | ({"Autotune": {"Mode": "Enabled"}} if autotune else {}))
    assert told["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] == jobs


# Algorithms.

TREE = {
    "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    "SupportedHyperParameters": [
        {
            "Name": "n",
            "Type": "Integer",
            "IsTunable": True,
            "Range": {"IntegerParameterRangeSpecification": {"MinValue": "1", "MaxValue": "9"}},
        },
        {"Name": "x", "Type": "Continuous", "IsTunable": True},
        {"Name": "rate", "Type": "Continuous", "DefaultValue": "0.3"},
    ],
    "SupportedTrainingInstanceTypes": ["ml.m5.large"],
    "TrainingChannels": [{"Name": "train", "SupportedContentTypes": ["text/csv"], "SupportedInputModes": ["File"]}],
    "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
    "SupportedTuningJobObjectiveMetrics": [OBJECTIVE],
}


def _of_tree(request: dict[str, Any]) -> dict[str, Any]:
    algorithm = {"AlgorithmName": "tree", "TrainingInputMode": "File"}
    request["TrainingJobDefinition"]["AlgorithmSpecification"] = algorithm
    return request


def test_an_algorithm_fills_in_what_it_knows(asker: Asker, request_of: dict[str, Any]) -> None:
    asker.call("CreateAlgorithm", AlgorithmName="tree", TrainingSpecification=TREE)
    told = make(asker, _of_tree(request_of))["TrainingJobDefinition"]
    assert told["AlgorithmSpecification"]["MetricDefinitions"] == TREE["MetricDefinitions"]
    assert told["StaticHyperParameters"] == {"rate": "0.3", "_tuning_objective_metric": "loss"}
    tuning = record_of(asker)
    (kind,) = definitions(tuning.spec)
    status = training_status(tuning, kind, 1, {})
    assert status[training_job.IMAGE_OF_ALGORITHM] == TREE["TrainingImage"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_ranges(IntegerParameterRanges=[{**N, "MaxValue": "10"}]), "n must be from 1 to 9, not 10"),
        (_ranges(ContinuousParameterRanges=[X, {**X, "Name": "rate"}]), "does not have these .* tuned: rate"),
        (_ranges(ContinuousParameterRanges=[{**X, "Name": "y"}]), "has no hyperparameters y"),
        (
            _config(HyperParameterTuningJobObjective={**OBJECTIVE, "Type": "Maximize"}),
            r"isn't valid for the \[tree\] algorithm",
        ),
    ],
)
def test_what_an_algorithm_does_not_take(asker: Asker, request_of: dict[str, Any], change: Change, reason: str) -> None:
    asker.call("CreateAlgorithm", AlgorithmName="tree", TrainingSpecification=TREE)
    change(_of_tree(request_of))
    with pytest.raises(Refused, match=reason):
        make(asker, request_of)


def test_checkpoints_are_kept_apart(asker: Asker, request_of: dict[str, Any]) -> None:
    request_of["TrainingJobDefinition"]["CheckpointConfig"] = {"S3Uri": "s3://bucket/checkpoints/"}
    make(asker, request_of)
    (kind,) = definitions(record_of(asker).spec)
    assert training_request(kind, "a", {})["CheckpointConfig"] == {"S3Uri": "s3://bucket/checkpoints/a"}


# Warm starts.


def warm(request: dict[str, Any], kind: str = "TransferLearning", *parents: str) -> dict[str, Any]:
    named = [{"HyperParameterTuningJobName": parent} for parent in parents or ("tune",)]
    return {**request, "WarmStartConfig": {"WarmStartType": kind, "ParentHyperParameterTuningJobs": named}}


def test_it_starts_warm_from_jobs_that_have_ended(asker: Asker, request_of: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="can't find a tuning job named tune"):
        make(asker, warm(request_of), "again")
    make(asker, request_of)
    with pytest.raises(Refused, match="Parent tuning job tune is in status InProgress"):
        make(asker, warm(request_of), "again")
    settle(asker)
    make(asker, warm(request_of), "again")
    make(asker, warm(request_of, "IdenticalDataAndAlgorithm"), "alike")
    with pytest.raises(Refused, match="may be named once"):
        make(asker, warm(request_of, "TransferLearning", "tune", "tune"), "twice")
    nameless = warm(request_of)
    nameless["WarmStartConfig"]["ParentHyperParameterTuningJobs"] = [{}]
    with pytest.raises(Refused, match="needs a HyperParameterTuningJobName"):
        make(asker, nameless, "nameless")


def _other_image(request: dict[str, Any]) -> None:
    request["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = "other"


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        (_config(HyperParameterTuningJobObjective={**OBJECTIVE, "Type": "Maximize"}), "TransferLearning", "objective"),
        (_ranges(ContinuousParameterRanges=[X]), "TransferLearning", "Different from tune: n"),
        (_ranges(ContinuousParameterRanges=[X, {**X, "Name": "n"}]), "TransferLearning", "types of tuned"),
        (_other_image, "TransferLearning", None),
        (_other_image, "IdenticalDataAndAlgorithm", "the training image must be that of the parent tune"),
        (_hyperband(), "TransferLearning", "A warm start needs one of the strategies Bayesian, Random"),
    ],
)
def test_parents_that_do_not_suit(
    asker: Asker, request_of: dict[str, Any], change: Change, kind: str, reason: str | None
) -> None:
    make(asker, request_of)
    settle(asker)
    child = copy.deepcopy(request_of)
    change(child)
    if reason is None:
        make(asker, warm(child, kind), "child")
        return
    with pytest.raises(Refused, match=reason):
        make(asker, warm(child, kind), "child")


def test_tuned_hyperparameters_may_become_static(asker: Asker, request_of: dict[str, Any]) -> None:
    make(asker, request_of)
    settle(asker)
    child = copy.deepcopy(request_of)
    config(child)["ParameterRanges"] = {"ContinuousParameterRanges": [X]}
    child["TrainingJobDefinition"]["StaticHyperParameters"] = {"n": "3"}
    make(asker, warm(child), "child")


# Its life.


def test_stopping_and_deleting(asker: Asker, request_of: dict[str, Any]) -> None:
    make(asker, request_of)
    name = {"HyperParameterTuningJobName": "tune"}
    with pytest.raises(Refused, match="Stop it first"):
        asker.call("DeleteHyperParameterTuningJob", **name)
    asker.call("StopHyperParameterTuningJob", **name)
    asker.call("StopHyperParameterTuningJob", **name)
    assert asker.call("DescribeHyperParameterTuningJob", **name)["HyperParameterTuningJobStatus"] == "Stopping"
    settle(asker, state="Stopped")
    with pytest.raises(Refused, match="tuning job is in status Stopped"):
        asker.call("StopHyperParameterTuningJob", **name)
    asker.call("DeleteHyperParameterTuningJob", **name)
    with pytest.raises(Refused, match="can't find a tuning job named tune"):
        asker.call("DescribeHyperParameterTuningJob", **name)


# Its training jobs.


def listed(asker: Asker, name: str = "tune", **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = asker.call("ListTrainingJobsForHyperParameterTuningJob", HyperParameterTuningJobName=name, **options)
        found += page["TrainingJobSummaries"]
        if "NextToken" not in page:
            return found
        options["NextToken"] = page["NextToken"]


def test_training_jobs_by_name_and_by_objective(asker: Asker, request_of: dict[str, Any]) -> None:
    make(asker, request_of)
    values = [0.5, -2.0, None, 30.0, -10.0]
    names = [start(asker, "tune", number, value) for number, value in enumerate(values, 1)]
    names.append(start(asker, "tune", 6, 0.1, "InProgress"))
    assert [each["TrainingJobName"] for each in listed(asker, MaxResults=4)] == names
    by_value = listed(asker, SortBy="FinalObjectiveMetricValue", MaxResults=2)
    assert [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in by_value] == [-10, -2, 0.5, 30]
    down = listed(asker, SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    assert [each["TrainingJobName"] for each in down] == [each["TrainingJobName"] for each in reversed(by_value)]
    statuses = {each["TrainingJobName"]: each["ObjectiveStatus"] for each in listed(asker)}
    assert [statuses[name] for name in names] == [
        "Succeeded",
        "Succeeded",
        "Failed",
        "Succeeded",
        "Succeeded",
        "Pending",
    ]
    assert [each["TrainingJobName"] for each in listed(asker, StatusEquals="InProgress")] == [names[5]]
    assert listed(asker)[0]["TunedHyperParameters"] == {"x": "0.5", "n": "2"}


def test_many_training_jobs_are_paged(asker: Asker, request_of: dict[str, Any]) -> None:
    config(request_of)["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 600
    make(asker, request_of)
    for number in range(1, 601):
        start(asker, "tune", number, float(-number))
    assert len(listed(asker, MaxResults=100)) == 600
    by_value = listed(asker, MaxResults=100, SortBy="FinalObjectiveMetricValue")
    assert [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in by_value] == list(range(-600, 0))


def test_a_new_tuning_job_does_not_inherit_from_one_of_its_name(asker: Asker, request_of: dict[str, Any]) -> None:
    make(asker, request_of)
    job = start(asker, "tune", 1, 0.5)
    settle(asker)
    asker.call("DeleteHyperParameterTuningJob", HyperParameterTuningJobName="tune")
    make(asker, request_of)
    assert listed(asker) == []
    assert asker.call("DescribeTrainingJob", TrainingJobName=job)["TuningJobArn"].endswith("/tune")


def test_a_training_job_is_written_down_as_its_operation_does(asker: Asker, request_of: dict[str, Any]) -> None:
    make(asker, request_of)
    (kind,) = definitions(record_of(asker).spec)
    request = training_request(kind, "job", {"x": "1"})
    asker.call("CreateTrainingJob", **request)
    settings = asker.server.settings
    asked = asker.server.storage.store.get(Key(settings.account, settings.region, training_job.KIND, "", "job"))
    assert asked is not None
    whose = {OWNER: asked.status[OWNER]}
    made = training_job.new(settings.account, settings.region, request, now=asked.created, uid=asked.uid, status=whose)
    component = asker.server.storage.store.get(trial_component.key_of(asked))
    assert component is not None
    same = trial_component.new(made, uid=component.uid)
    told = {member: value for member, value in component.status.items() if member != "CreatedBy"}
    assert replace(same, version=1, modified=component.modified) == replace(component, status=told)
    begun = asked.status["SecondaryStatusTransitions"][0]["StartTime"]
    made.status["SecondaryStatusTransitions"][0]["StartTime"] = begun
    assert replace(made, version=asked.version, modified=asked.modified) == asked
