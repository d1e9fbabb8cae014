"""The life of a tuning job: what it starts, when it ends, and every place where a server may die on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from sagewright.base.errors import StaleRecord
from sagewright.base.ids import RandomIds
from sagewright.controllers.hyper_parameter_tuning_job import HyperParameterTuningJobs
from sagewright.controllers.pump import NAMESPACE
from sagewright.resources import quota, training_job, trial_component
from sagewright.resources.hyper_parameter_tuning_job import KIND, NO_JOBS
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Write
from sagewright.telemetry.metrics import Metric, Point

from .conftest import ACCOUNT, IMAGE, REGION, Bench

Create = Callable[..., Key]
OBJECTIVE = {"Type": "Minimize", "MetricName": "loss"}
RANGES = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]}
DEFINITION = {
    "AlgorithmSpecification": {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
    },
    "RoleArn": "arn:aws:iam::123456789012:role/R",
    "StaticHyperParameters": {"epochs": "9", "_tuning_objective_metric": "loss"},
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


@pytest.fixture
def tuner(bench: Bench) -> HyperParameterTuningJobs:
    return anew(bench)


def anew(bench: Bench) -> HyperParameterTuningJobs:
    """As after a restart: nothing is remembered."""
    return HyperParameterTuningJobs(bench.store, bench.metrics, bench.clock, RandomIds(), bench.wake)


@pytest.fixture
def create(bench: Bench) -> Create:
    """Writes a tuning job down, as CreateHyperParameterTuningJob does."""

    def make(
        name: str = "t", jobs: int = 4, parallel: int = 2, spec: dict[str, Any] | None = None, **config: Any
    ) -> Key:
        limits = {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel, **config.pop("limits", {})}
        told = {
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "HyperParameterTuningJobObjective": OBJECTIVE,
                "ResourceLimits": limits,
                "ParameterRanges": RANGES,
                "RandomSeed": 1,
                **config,
            },
            "TrainingJobDefinition": DEFINITION,
            **(spec or {}),
        }
        key, now = Key(ACCOUNT, REGION, KIND, "", name), bench.clock.now()
        status = {"HyperParameterTuningJobArn": f"arn:{name}", **NO_JOBS}
        bench.store.create(Record(key, f"uid-{name}", now, now, spec=told, status=status, state="InProgress"))
        return key

    return make


def test_it_waits_where_a_quota_is_used_up(bench: Bench, tuner: HyperParameterTuningJobs, create: Create) -> None:
    name = quota.name_of("ml.m5.large", quota.TRAINING)
    bench.store.create(Record(quota.key_of(ACCOUNT, REGION, name), "q", 0, 0, {"Value": 1}))
    key = create(jobs=2)
    bench.look(tuner, key)
    (first,) = children(bench)
    assert bench.look(tuner, key) is not None
    assert len(children(bench)) == 1
    end(bench, first, 1.0)
    bench.look(tuner, key)
    second = next(child for child in children(bench) if child.name != first.name)
    assert status(bench, key)["state"] == "InProgress"
    end(bench, second, 2.0)
    bench.look(tuner, key)
    assert status(bench, key)["state"] == "Completed"


def test_it_does_not_end_while_others_use_the_quota_up(
    bench: Bench, tuner: HyperParameterTuningJobs, create: Create
) -> None:
    name = quota.name_of("ml.m5.large", quota.TRAINING)
    bench.store.create(Record(quota.key_of(ACCOUNT, REGION, name), "q", 0, 0, {"Value": 0}))
    key = create(jobs=2)
    assert bench.look(tuner, key) is not None
    assert children(bench) == []
    assert status(bench, key)["state"] == "InProgress"


def children(bench: Bench, name: str = "t", state: str | None = None) -> list[Record]:
    states = None if state is None else (state,)
    query = Query(ACCOUNT, REGION, training_job.KIND, facets={"TuningJobId": f"uid-{name}"}, states=states)
    return list(bench.store.list(query, limit=1000).records)


def end(bench: Bench, child: Record, loss: float | None = None, state: str = "Completed", reason: str = "") -> None:
    """As the training job's own controller does."""
    bench.clock.advance(1)
    told = [] if loss is None else [{"MetricName": "loss", "Value": loss, "Timestamp": bench.clock.now()}]
    status = {"FinalMetricDataList": told, "TrainingEndTime": bench.clock.now()} | (
        {"FailureReason": reason} if reason else {}
    )
    bench.change(child.key, state=state, status={**child.status, **status})


def tell(bench: Bench, child: Record, *losses: float) -> None:
    """Its objective, epoch by epoch."""
    for loss in losses:
        bench.clock.advance(1)
        point = Point.of(bench.clock.now(), loss)
        bench.metrics.at(ACCOUNT, REGION).put_many(
            [(Metric(NAMESPACE, "loss", {"TrainingJobName": child.name}), point)]
        )
    bench.change(child.key, status={**child.status, "told": bench.clock.now()})


def status(bench: Bench, key: Key) -> dict[str, Any]:
    record = bench.store.get(key)
    assert record is not None
    return {**record.status, "state": record.state}


def numbers(found: Sequence[Record]) -> list[int]:
    return sorted(child.status["TuningNumber"] for child in found)


# Going on.


def test_it_keeps_as_many_running_as_may(bench: Bench, tuner: HyperParameterTuningJobs, create: Create) -> None:
    key = create()
    bench.look(tuner, key)
    first, second = children(bench)
    assert status(bench, key)["TrainingJobStatusCounters"]["InProgress"] == 2
    assert status(bench, key)["ObjectiveStatusCounters"]["Pending"] == 2
    bench.woken.clear()
    end(bench, second, 0.5)
    assert key in bench.woken, "the end of a training job wakes nobody"
    bench.look(tuner, key)
    assert numbers(children(bench)) == [1, 2, 3]
    assert numbers(children(bench, state="InProgress")) == [1, 3]
    assert status(bench, key)["BestTrainingJob"]["TrainingJobName"] == second.name
    assert first.spec["HyperParameters"]["x"] == first.status["TunedHyperParameters"]["x"]


def test_it_ends_when_all_have(bench: Bench, tuner: HyperParameterTuningJobs, create: Create) -> None:
    key = create(jobs=3)
    for loss in (3.0, 1.0, 2.0):
        bench.look(tuner, key)
        end(bench, children(bench, state="InProgress")[0], loss)
    assert status(bench, key)["state"] == "InProgress"
    bench.look(tuner, key)
    told = status(bench, key)
    assert told["state"] == "Completed"
    assert told["TrainingJobStatusCounters"]["Completed"] == 3
    assert told["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"] == {**OBJECTIVE, "Value": 1.0}
    assert told["HyperParameterTuningEndTime"] == bench.clock.now()
    assert told["ConsumedResources"] == {"RuntimeInSeconds": 3}
    assert told["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"] == 1


def test_the_largest_is_best_where_it_is_maximized(
    bench: Bench, create: Create, tuner: HyperParameterTuningJobs
) -> None:
    objective = {"Type": "Maximize", "MetricName": "loss"}
    key = create(jobs=2, HyperParameterTuningJobObjective=objective)
    bench.look(tuner, key)
    for child, value in zip(children(bench), (1.0, 5.0), strict=True):
        end(bench, child, value)
    bench.look(tuner, key)
    assert status(bench, key)["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 5.0


def test_definitions_take_turns(bench: Bench, create: Create, tuner: HyperParameterTuningJobs) -> None:
    kinds = [
        {**DEFINITION, "DefinitionName": n, "TuningObjective": OBJECTIVE, "HyperParameterRanges": RANGES} for n in "ab"
    ]
    config = {"HyperParameterTuningJobConfig": {"Strategy": "Bayesian", "ResourceLimits": {
        "MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 4}}}  # fmt: skip
    key = create()
    record = bench.store.get(key)
    assert record is not None
    bench.store.update(replace(record, spec={**config, "TrainingJobDefinitions": kinds}))
    bench.look(tuner, key)
    assert [child.status["TrainingJobDefinitionName"] for child in children(bench)] == ["a", "b", "a", "b"]


def test_a_training_job_is_as_if_it_had_been_asked_for(
    bench: Bench, create: Create, tuner: HyperParameterTuningJobs
) -> None:
    key = create(jobs=1, parallel=1)
    bench.change(key, tags={"team": "a"})
    bench.look(tuner, key)
    (child,) = children(bench)
    assert child.tags == {"team": "a"}
    assert (child.state, child.intent) == ("InProgress", "run")
    assert child.spec["EnableNetworkIsolation"] is False
    assert child.spec["OutputDataConfig"] == {"KmsKeyId": "", "S3OutputPath": "s3://b/out"}
    assert child.status["SecondaryStatusTransitions"][0]["Status"] == "Starting"
    assert child.status["TrainingJobArn"].endswith(f":training-job/{child.name}")
    assert child.spec["HyperParameters"].keys() == {"epochs", "x", "_tuning_objective_metric"}
    assert child.name.startswith("t-001-")
    component = bench.store.get(trial_component.key_of(child))
    assert component is not None
    assert component.status["Source"]["SourceType"] == "SageMakerTrainingJob"


# Ends.


def test_stopping_stops_what_runs_first(bench: Bench, create: Create, tuner: HyperParameterTuningJobs) -> None:
    key = create()
    bench.look(tuner, key)
    bench.change(key, intent="stop", state="Stopping")
    bench.look(tuner, key)
    assert [(child.state, child.intent) for child in children(bench)] == [("Stopping", "stop")] * 2
    assert status(bench, key)["state"] == "Stopping"
    for child in children(bench):
        end(bench, child, state="Stopped")
    bench.look(tuner, key)
    assert status(bench, key)["state"] == "Stopped"
    assert status(bench, key)["TrainingJobStatusCounters"]["Stopped"] == 2


@pytest.mark.parametrize(
    ("state", "reason"), [("Failed", "No training job succeeded after 5"), ("Completed", "No objective metrics found")]
)
def test_it_gives_up_after_five_in_vain(
    bench: Bench, create: Create, tuner: HyperParameterTuningJobs, state: str, reason: str
) -> None:
    key = create(jobs=20, parallel=2)
    for _ in range(5):
        bench.look(tuner, key)
        end(bench, children(bench, state="InProgress")[0], state=state)
    bench.look(tuner, key)
    (last,) = children(bench, state="Stopping")
    end(bench, last, 0.1, state="Stopped")
    bench.look(tuner, key)
    told = status(bench, key)
    assert told["state"] == "Failed"
    assert told["FailureReason"].startswith(reason)


def test_a_few_that_all_failed_are_a_failure(bench: Bench, create: Create, tuner: HyperParameterTuningJobs) -> None:
    key = create(jobs=2)
    bench.look(tuner, key)
    one, other = children(bench)
    end(bench, one, state="Failed", reason="AlgorithmError: x")
    end(bench, other, state="Failed", reason="InternalServerError: x")
    bench.look(tuner, key)
    told = status(bench, key)
    assert (told["state"], told["FailureReason"][:24]) == ("Failed", "All training jobs failed")
    assert told["TrainingJobStatusCounters"]["NonRetryableError"] == 1
    assert told["TrainingJobStatusCounters"]["RetryableError"] == 1


def test_one_that_succeeded_bears_many_failures(bench: Bench, create: Create, tuner: HyperParameterTuningJobs) -> None:
    key = create(jobs=8, parallel=1)
    for number in range(8):
        bench.look(tuner, key)
        (child,) = children(bench, state="InProgress")
        end(bench, child, None if number else 0.5, state="Failed" if number else "Completed")
    bench.look(tuner, key)
    assert status(bench, key)["state"] == "Completed"


@pytest.mark.parametrize(
    ("criteria", "losses"),
    [
        ({"TargetObjectiveMetricValue": 0.2}, (0.9, 0.2)),
        ({"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}, (0.5, 0.6, 0.7, 0.8)),
        ({"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}, (0.5,) * 11),
    ],
)
def test_criteria_end_it_and_what_still_runs(
    bench: Bench, create: Create, tuner: HyperParameterTuningJobs, criteria: dict[str, Any], losses: Sequence[float]
) -> None:
    key = create(jobs=50, parallel=2, TuningJobCompletionCriteria=criteria)
    for loss in losses:
        bench.look(tuner, key)
        end(bench, children(bench, state="InProgress")[0], loss)
    bench.look(tuner, key)
    (last,) = children(bench, state="Stopping")
    assert status(bench, key)["state"] == "InProgress"
    end(bench, last, state="Stopped")
    bench.look(tuner, key)
    assert status(bench, key)["state"] == "Completed"
    assert len(children(bench)) == len(losses) + 1
    assert ("ConvergenceDetectedTime" in status(bench, key)["TuningJobCompletionDetails"]) == (len(losses) == 11)


def test_its_time_runs_out(bench: Bench, create: Create, tuner: HyperParameterTuningJobs) -> None:
    key = create(jobs=5, parallel=1, limits={"MaxRuntimeInSeconds": 120})
    assert bench.look(tuner, key) == 30
    bench.clock.advance(100)
    assert bench.look(tuner, key) == pytest.approx(20)
    bench.clock.advance(20)
    bench.look(tuner, key)
    (child,) = children(bench)
    assert child.intent == "stop"
    end(bench, child, 0.5, state="Stopped")
    bench.look(tuner, key)
    assert (status(bench, key)["state"], len(children(bench))) == ("Completed", 1)


# Early stopping.


def test_who_falls_behind_is_stopped(bench: Bench, create: Create, tuner: HyperParameterTuningJobs) -> None:
    key = create(jobs=6, parallel=1, TrainingJobEarlyStoppingType="Auto")
    for _ in range(3):
        bench.look(tuner, key)
        (child,) = children(bench, state="InProgress")
        tell(bench, child, 1.0, 0.5, 0.2)
        bench.look(tuner, key)
        assert children(bench, state="Stopping") == []
        end(bench, bench.change(child.key), 0.2)
    bench.look(tuner, key)
    (child,) = children(bench, state="InProgress")
    tell(bench, child, 0.9)
    bench.look(tuner, key)
    assert children(bench, state="Stopping") == []
    tell(bench, bench.change(child.key), 0.8)
    bench.look(tuner, key)
    assert [stopped.key for stopped in children(bench, state="Stopping")] == [child.key]
    end(bench, bench.change(child.key), 0.8, state="Stopped")
    bench.look(tuner, key)
    assert status(bench, key)["ObjectiveStatusCounters"]["Succeeded"] == 4


def test_hyperband_stops_at_its_rungs(bench: Bench, create: Create, tuner: HyperParameterTuningJobs) -> None:
    bounds = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
    key = create(jobs=6, parallel=3, Strategy="Hyperband", StrategyConfig=bounds)
    bench.look(tuner, key)
    for child, loss in zip(children(bench), (1.0, 2.0, 3.0), strict=True):
        tell(bench, child, loss)
    bench.look(tuner, key)
    assert numbers(children(bench, state="Stopping")) == [2, 3]


# Warm starts.


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_the_best_of_all_may_be_a_parents(
    bench: Bench, create: Create, tuner: HyperParameterTuningJobs, strategy: str
) -> None:
    before = create("before", jobs=1, parallel=1)
    bench.look(tuner, before)
    (old,) = children(bench, "before")
    end(bench, old, 0.1)
    bench.look(tuner, before)
    warm = {
        "WarmStartType": "IdenticalDataAndAlgorithm",
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "before"}],
    }
    key = create(jobs=1, parallel=1, Strategy=strategy, spec={"WarmStartConfig": warm})
    bench.look(tuner, key)
    (child,) = children(bench)
    end(bench, child, 0.7)
    bench.look(tuner, key)
    told = status(bench, key)
    assert told["BestTrainingJob"]["TrainingJobName"] == child.name
    assert told["OverallBestTrainingJob"]["TrainingJobName"] == old.name
    assert told["OverallBestTrainingJob"]["TuningJobName"] == "before"


# Deaths.


class Dies(BaseException):
    """The server died here."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_a_death_at_any_write_loses_nothing_and_runs_nothing_twice(
    bench: Bench, create: Create, monkeypatch: pytest.MonkeyPatch, strategy: str, when: str
) -> None:
    write = bench.store.write
    left = 0

    def dying(writes: Sequence[Write]) -> Sequence[Record]:
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            raise Dies
        written = write(writes)
        if left == 0:
            raise Dies
        return written

    monkeypatch.setattr(bench.store, "write", dying)

    def search(name: str, dies_at: int) -> list[Any]:
        nonlocal left
        key, tuner = create(name, jobs=6, parallel=2, Strategy=strategy), anew(bench)
        left = dies_at
        for _ in range(40):
            try:
                bench.look(tuner, key)
            except Dies:
                tuner = anew(bench)
                continue
            running, keep = children(bench, name, "InProgress"), left
            left = 0
            if running:
                end(bench, running[0], float(running[0].status["TunedHyperParameters"]["x"]))
            left = keep
        left = 0
        assert status(bench, key)["state"] == "Completed"
        found = children(bench, name)
        assert numbers(found) == [1, 2, 3, 4, 5, 6]
        return [child.status["TunedHyperParameters"] for child in found]

    undisturbed = search("whole", 0)
    for at in range(1, 7):
        assert search(f"t{at}", at) == undisturbed


def test_a_stale_look_is_tried_again(bench: Bench, create: Create, tuner: HyperParameterTuningJobs) -> None:
    key = create()
    record = bench.store.get(key)
    assert record is not None
    bench.change(key, intent="stop", state="Stopping")
    with pytest.raises(StaleRecord):
        tuner.reconcile(record)
    assert children(bench) == []
    bench.look(tuner, key)
    assert status(bench, key)["state"] == "Stopped"


def test_a_name_that_somebody_has_is_passed_over(bench: Bench, create: Create, tuner: HyperParameterTuningJobs) -> None:
    key = create(jobs=1, parallel=1)
    bench.look(tuner, key)
    (child,) = children(bench)
    bench.store.delete(child)
    bench.store.create(replace(child, version=0, facets={"TuningJobId": ""}, status={}))
    record = bench.store.get(key)
    assert record is not None
    bench.store.update(replace(record, status={**record.status, "Started": 0}))
    bench.look(anew(bench), key)
    (other,) = children(bench)
    assert other.name != child.name
    assert other.name.startswith("t-001-")


def test_a_training_job_that_was_deleted_is_not_run_again(
    bench: Bench, create: Create, tuner: HyperParameterTuningJobs
) -> None:
    key = create(jobs=2, parallel=1)
    bench.look(tuner, key)
    (child,) = children(bench)
    end(bench, child, 0.5)
    bench.store.delete(bench.change(child.key))
    bench.look(tuner, key)
    (other,) = children(bench)
    assert other.status["TuningNumber"] == 2
    end(bench, other, 0.6)
    bench.look(tuner, key)
    assert status(bench, key)["state"] == "Completed"


def test_what_cannot_go_on_is_told(bench: Bench, create: Create, tuner: HyperParameterTuningJobs) -> None:
    key = create()
    record = bench.store.get(key)
    assert record is not None
    bench.look(tuner, key)
    record = bench.store.get(key)
    assert record is not None
    tuner.fail(record, "InternalServerError: We encountered an internal error. Try again.")
    assert status(bench, key)["state"] == "Failed"
    assert status(bench, key)["FailureReason"].startswith("InternalServerError")
    assert {child.intent for child in children(bench)} == {"stop"}, "its training jobs go on"
