"""What a trial of automatic model tuning costs beside the same training job driven by Optuna alone."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench import peers
from bench.base import OURS, Figure, Run, Sample
from bench.job import packed

TITLE = "automatic model tuning, Bayesian, one training job at a time"

_SCRIPT: Final = """import sys
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print("loss=%.9f" % sum((float(words["--" + name]) - 0.3) ** 2 for name in ("first", "second", "third")))
"""
_NAMES: Final = ("first", "second", "third")
_BUCKET: Final = "bench"
_BY_HAND: Final = "Optuna, by hand"
_ALONE: Final = "Optuna alone"
_REGEX: Final = "loss=([0-9.]+)"
_PATIENCE_S: Final = 300.0
_FAR, _WINDOW = 500, 50


def measure(run: Run) -> Sequence[Figure]:
    """A tuning job; the same jobs created one by one by a client that asks Optuna; then search and records alone."""
    whole = Figure("a trial, training job and all", "ms", more=False, goal=50, goal_above=_BY_HAND)
    early = Figure(f"search and records, trials to {_WINDOW}", "ms", more=False, goal=50, goal_above=_ALONE)
    late = Figure(f"…, trials {_FAR - _WINDOW} to {_FAR}", "ms", more=False, goal=50, goal_above=_ALONE)
    peers.runtime(run, "scikit-learn")
    trials = int(run.amount(30, 8))
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        keys = peers.our_keys(peer, data)
        sagemaker, s3 = (peers.client(name, peer, keys) for name in ("sagemaker", "s3"))
        s3.create_bucket(Bucket=_BUCKET)
        s3.put_object(Bucket=_BUCKET, Key="code/sourcedir.tar.gz", Body=packed("script.py", _SCRIPT))
        request = _request(peers.role_arn(peer))
        subjects: dict[str, Sample] = {
            OURS: _tuning_job(sagemaker, request, trials, whole),
            _BY_HAND: _by_hand(sagemaker, request, trials, whole),
        }
        run.alternate("tuning", [whole], subjects)
    numbers = itertools.count()
    run.alternate(
        "search",
        [early, late],
        {
            OURS: lambda: _windows(_records_alone(run.folder / f"alone-{next(numbers)}"), early, late),
            _ALONE: lambda: _windows(_optuna_alone(), early, late),
        },
        warm=False,
    )
    run.note(
        f"{_BY_HAND}: a client that asks Optuna, calls CreateTrainingJob, looks every 5 ms whether it has ended, and "
        "tells Optuna. The last two rows leave the training jobs out: ours has each of them on disk twice, once begun, "
        "once ended."
    )
    return [whole, early, late]


def _tuning_job(sagemaker: Any, request: Mapping[str, Any], trials: int, whole: Figure) -> Sample:
    numbers = itertools.count()
    definition = {member: value for member, value in request.items() if member != "HyperParameters"}
    ranges = [{"Name": name, "MinValue": "0", "MaxValue": "1"} for name in _NAMES]

    def sample() -> Mapping[str, float]:
        name = f"tune-{next(numbers)}"
        begun = time.perf_counter()
        sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig={
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": 1},
                "ParameterRanges": {"ContinuousParameterRanges": ranges},
            },
            TrainingJobDefinition={**definition, "StaticHyperParameters": request["HyperParameters"]},
        )
        state = "HyperParameterTuningJobStatus"
        told = _awaited(
            lambda: sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name), state, 0.05
        )
        if told["TrainingJobStatusCounters"]["Completed"] != trials:
            raise RuntimeError(f"{name} ended as {told[state]}: {told.get('FailureReason')}")
        return {whole.what: (time.perf_counter() - begun) / trials * 1000}

    return sample


def _by_hand(sagemaker: Any, request: Mapping[str, Any], trials: int, whole: Figure) -> Sample:
    numbers = itertools.count()

    def sample() -> Mapping[str, float]:
        study, distributions = _study()
        begun = time.perf_counter()
        for _ in range(trials):
            trial = study.ask(distributions)
            name = f"by-hand-{next(numbers)}"
            values = {key: repr(value) for key, value in trial.params.items()}
            hyperparameters = {**request["HyperParameters"], **values}
            sagemaker.create_training_job(TrainingJobName=name, **{**request, "HyperParameters": hyperparameters})
            told = _awaited(
                lambda name=name: sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus", 0.005
            )
            study.tell(trial, told["FinalMetricDataList"][0]["Value"])
        return {whole.what: (time.perf_counter() - begun) / trials * 1000}

    return sample


def _awaited(describe: Callable[[], dict[str, Any]], state: str, pause: float) -> dict[str, Any]:
    end = time.monotonic() + _PATIENCE_S
    while (told := describe())[state] == "InProgress":
        if time.monotonic() > end:
            raise RuntimeError(f"still in progress after {_PATIENCE_S} s: {told}")
        time.sleep(pause)
    return told


def _study() -> tuple[Any, dict[str, Any]]:
    import warnings

    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=1)
    distributions = {name: optuna.distributions.FloatDistribution(0, 1) for name in _NAMES}
    return optuna.create_study(sampler=sampler), distributions


def _optuna_alone() -> Sequence[float]:
    """The moments of 500 trials whose objectives cost nothing."""
    study, distributions = _study()
    moments = []
    for _ in range(_FAR):
        trial = study.ask(distributions)
        study.tell(trial, sum((value - 0.3) ** 2 for value in trial.params.values()))
        moments.append(time.perf_counter())
    return moments


def _records_alone(folder: Path) -> Sequence[float]:
    """The same through the controller and a store on disk, each training job ended as soon as it is there."""
    from sagewright.base.clock import SystemClock
    from sagewright.base.ids import RandomIds
    from sagewright.controllers.hyper_parameter_tuning_job import HyperParameterTuningJobs
    from sagewright.resources.hyper_parameter_tuning_job import KIND
    from sagewright.resources.record import Key, Record
    from sagewright.store.base import Query
    from sagewright.store.sqlite import SqliteStore
    from sagewright.telemetry.metrics import Metrics

    folder.mkdir()
    clock, store = SystemClock(), SqliteStore(folder / "state.db")
    metrics = Metrics(folder, clock)
    tuner = HyperParameterTuningJobs(store, metrics, clock, RandomIds(), lambda key: None)
    key = Key("123456789012", "us-east-1", KIND, "", "bench")
    now = clock.now()
    made = store.create(
        Record(key, "bench", now, now, _spec(), {"HyperParameterTuningJobArn": "arn"}, state="InProgress")
    )
    moments = []
    for _ in range(_FAR):
        tuner.reconcile(made)
        running = Query(key.account, key.region, "training-job", states=("InProgress",))
        for child in store.list(running, limit=1).records:
            values = child.status["TunedHyperParameters"].values()
            loss = sum((float(value) - 0.3) ** 2 for value in values)
            told = {"FinalMetricDataList": [{"MetricName": "loss", "Value": loss}], "TrainingEndTime": clock.now()}
            store.update(replace(child, state="Completed", status={**child.status, **told}))
        found = store.get(key)
        assert found is not None
        made = found
        moments.append(time.perf_counter())
    store.close()
    metrics.close()
    return moments


def _spec() -> dict[str, Any]:
    request = _request("arn:aws:iam::123456789012:role/R")
    static = request.pop("HyperParameters")
    ranges = [{"Name": name, "MinValue": "0", "MaxValue": "1"} for name in _NAMES]
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2 * _FAR, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"ContinuousParameterRanges": ranges},
        },
        "TrainingJobDefinition": {**request, "StaticHyperParameters": static},
    }


def _windows(moments: Sequence[float], early: Figure, late: Figure) -> Mapping[str, float]:
    """Milliseconds a trial among the first and among the last."""
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    return {
        early.what: statistics.median(gaps[:_WINDOW]) * 1000,
        late.what: statistics.median(gaps[-_WINDOW:]) * 1000,
    }


def _request(role: str) -> dict[str, Any]:
    code = {"sagemaker_program": "script.py", "sagemaker_submit_directory": f"s3://{_BUCKET}/code/sourcedir.tar.gz"}
    return {
        "AlgorithmSpecification": {
            "TrainingImage": peers.IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": _REGEX}],
        },
        "RoleArn": role,
        "HyperParameters": {key: json.dumps(value) for key, value in code.items()},
        "OutputDataConfig": {"S3OutputPath": f"s3://{_BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
