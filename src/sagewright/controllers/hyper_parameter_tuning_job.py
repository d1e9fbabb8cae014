"""Tuning jobs, made so: start training jobs, look at how they end, ask search what to try next, say what was best.

A training job is written down together with the count of those that were started, under a name made of the tuning job
and its number: none is started twice, and none is lost, wherever a server dies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.base.ids import Ids
from sagewright.controllers.tuning_run import Candidate, TuningRun, children
from sagewright.dataplane.quotas import use
from sagewright.resources import training_job, trial_component
from sagewright.resources.hyper_parameter_tuning_job import (
    KIND,
    LIFE,
    NO_JOBS,
    summary,
    training_name,
    training_request,
    training_status,
)
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, Write
from sagewright.telemetry.metrics import Metrics
from sagewright.tuning import completion

_LOOK_AGAIN: Final = 30.0
"""Seconds between two looks at one that nothing happens to: its training jobs wake it."""
_NONE_SUCCEEDED: Final = (
    "No training job succeeded after {} attempts. Please take a look at the training job failures to get more details."
)
_ALL_FAILED: Final = "All training jobs failed. Please take a look at the training job failures to get more details."
_NO_OBJECTIVE: Final = (
    "No objective metrics found after running {} training jobs. Please ensure that the custom algorithm is emitting "
    "the objective metric as defined by the regular expression provided."
)


class HyperParameterTuningJobs:
    """The reconciler of tuning jobs."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, store: Store, metrics: Metrics, clock: Clock, ids: Ids, wake: Callable[[Key], None]) -> None:
        self._store, self._metrics, self._clock, self._ids, self._wake = store, metrics, clock, ids, wake
        self._runs: dict[str, TuningRun] = {}
        """By the tuning job's id. Each is used by whoever reconciles that job, one thread at a time."""
        self._watched: dict[Key, Key] = {}
        """From a training job that runs to its tuning job."""
        store.subscribe(self._noticed)

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        if record.state in LIFE.settled:
            self._forget(record)
            return None
        run = self._runs.get(record.uid)
        if run is None:
            run = self._runs[record.uid] = TuningRun(record, self._store, self._metrics)
        self._watch(record, run)
        run.refresh()  # after that, so that no end goes unnoticed in between
        reason = self._enough(record, run)
        if reason is not None or record.intent == "stop":
            return self._wind_up(record, run, reason)
        for child in run.hopeless():
            self._stop(child)
        self._start(record, run)
        return min(_LOOK_AGAIN, self._seconds_left(record))

    def fail(self, record: Record, reason: str) -> None:
        for child in children(self._store, record):
            self._stop(child)
        if LIFE.allows(record.state, "fail"):
            self._finish(record, self._runs.get(record.uid), "fail", {"FailureReason": reason[:1024]})
        self._forget(record)

    # Going on.

    def _start(self, record: Record, run: TuningRun) -> None:
        """Start as many training jobs as may run. What is known by now is written down with each of them."""
        limits = record.spec["HyperParameterTuningJobConfig"]["ResourceLimits"]
        noted, held_back = record.version, False
        while len(run.running) < limits["MaxParallelTrainingJobs"]:
            number = int(record.status.get("Started", 0)) + 1
            candidate = run.candidate(number) if number <= limits["MaxNumberOfTrainingJobs"] else None
            if candidate is None:
                break
            child = self._child(record, candidate, number)
            try:
                beside = self._created(child)
            except use.Exceeded:  # it goes on when something has ended
                held_back = True
                break
            run.add(child)  # so that the counts have it; a write that fails has all of it read again
            self._watched[child.key] = record.key
            try:
                tuning, child, *_ = self._write(record, run, {"Started": number}, *beside)
            except BaseException:
                self._forget(record)
                raise
            record = tuning
            run.add(child)
        if not run.running and not held_back:
            self._end(record, run)
        elif record.version == noted:
            self._note(record, run)

    def _child(self, record: Record, candidate: Candidate, number: int) -> Record:
        """The training job of a candidate, not written down yet."""
        definition, values = candidate.definition, candidate.values
        for attempt in range(100):
            name = training_name(record, number, attempt)
            if self._store.get(record.key._replace(kind=training_job.KIND, name=name)) is None:
                break  # else somebody has a training job of that name
        return training_job.new(
            record.key.account,
            record.key.region,
            training_request(definition, name, values),
            now=self._clock.now(),
            uid=self._ids.token(),
            status=training_status(record, definition, number, values),
            tags=record.tags,
        )

    def _created(self, child: Record) -> Sequence[Write]:
        """A training job and its trial component, unless somebody has one of that name. Raises use.Exceeded."""
        component = trial_component.new(child, uid=self._ids.token())
        beside: Sequence[Write] = () if self._store.get(component.key) else (("create", component),)
        return (("create", child), *beside, *use.taken(self._store, child))

    def _enough(self, record: Record, run: TuningRun) -> str | None:
        """Why nothing more is started: '' for a good end, else what the failure's reason will be; None to go on."""
        if "Ending" in record.status:
            return str(record.status["Ending"])
        told = run.told()
        if not told["succeeded"] and told["failed"] >= completion.ATTEMPTS:
            return self._why_failed(run)
        if self._seconds_left(record) <= 0:
            return ""
        criteria = _criteria(record)
        return "" if completion.over(criteria, run.progress(), run.ranges) else None

    def _why_failed(self, run: TuningRun) -> str:
        """In AWS's words: whether jobs failed, or did not tell their objective."""
        ended = [child for child in run.children.values() if child.state in training_job.LIFE.settled]
        if any(child.state == "Completed" for child in ended):
            return _NO_OBJECTIVE.format(len(ended))
        return _NONE_SUCCEEDED.format(len(ended)) if len(ended) >= completion.ATTEMPTS else _ALL_FAILED

    # Coming to an end.

    def _wind_up(self, record: Record, run: TuningRun, reason: str | None) -> float | None:
        """Nothing more is started. Stop what runs, and end once it has."""
        if reason is not None and "Ending" not in record.status:
            # Written down first: what is stopped now must not look like a failure of search later.
            (record,) = self._write(record, run, {"Ending": reason})
        if run.running:
            for child in run.running:
                self._stop(child)
            self._note(record, run)
            return _LOOK_AGAIN
        if record.intent == "stop":
            self._finish(record, run, "stopped", {})
        elif reason:
            self._finish(record, run, "fail", {"FailureReason": reason})
        else:
            self._finish(record, run, "complete", {})
        return None

    def _end(self, record: Record, run: TuningRun) -> None:
        """All that may be started was, and has ended."""
        if run.best() is None and run.children:
            self._finish(record, run, "fail", {"FailureReason": self._why_failed(run)})
        else:
            self._finish(record, run, "complete", {})

    def _finish(self, record: Record, run: TuningRun | None, event: str, status: Mapping[str, Any]) -> None:
        now = self._clock.now()
        known = {"HyperParameterTuningEndTime": now, **status}
        state = LIFE.after(record.state, event)
        self._write(replace(record, state=state), run, known)
        self._forget(record)

    def _stop(self, child: Record) -> None:
        """As StopTrainingJob does."""
        self._store.amend(child.key, training_job.stopping)

    # Writing down.

    def _note(self, record: Record, run: TuningRun) -> None:
        """Write what is known, if it is something new."""
        known = self._known(record, run)
        if any(record.status.get(member) != value for member, value in known.items() if member != "ConsumedResources"):
            self._write(record, run, {})

    def _write(
        self, record: Record, run: TuningRun | None, status: Mapping[str, Any], *beside: Write
    ) -> Sequence[Record]:
        """The tuning job with what is known, and what is written along with it."""
        known = {} if run is None else self._known(record, run)
        changed = replace(record, status={**record.status, **known, **status}, modified=self._clock.now())
        try:
            return self._store.write([("update", changed), *beside])
        except AlreadyExists as error:  # somebody was faster in taking the name
            raise StaleRecord(str(error)) from error

    def _known(self, record: Record, run: TuningRun) -> dict[str, Any]:
        """Counts, the best, and how search goes."""
        now = self._clock.now()
        state = run.progress()
        known: dict[str, Any] = {
            **_counters(run),
            "ConsumedResources": {"RuntimeInSeconds": round(now - record.created)},
        }
        best = run.best()
        if best is not None:
            known["BestTrainingJob"] = summary(best)
            details = dict(record.status.get("TuningJobCompletionDetails", {}))
            details["NumberOfTrainingJobsObjectiveNotImproving"] = state.not_improving
            if completion.converged(state, run.ranges):
                details.setdefault("ConvergenceDetectedTime", now)
            known["TuningJobCompletionDetails"] = details
        if record.spec.get("WarmStartConfig", {}).get("WarmStartType") == "IdenticalDataAndAlgorithm":
            overall = run.overall_best()
            if overall is not None:
                known["OverallBestTrainingJob"] = {**summary(overall), "TuningJobName": overall.status["TuningJobName"]}
        return known

    def _seconds_left(self, record: Record) -> float:
        limit = record.spec["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxRuntimeInSeconds")
        return float("inf") if limit is None else record.created + float(limit) - self._clock.now()

    # Being woken.

    def _watch(self, record: Record, run: TuningRun) -> None:
        for key in run.watched:
            self._watched[key] = record.key

    def _noticed(self, key: Key) -> None:
        """A record was written. Called in the writing thread."""
        tuning = self._watched.get(key)
        if tuning is not None:
            self._wake(tuning)

    def _forget(self, record: Record) -> None:
        self._runs.pop(record.uid, None)
        for child in [child for child, tuning in list(self._watched.items()) if tuning == record.key]:
            self._watched.pop(child, None)


def _criteria(record: Record) -> completion.Criteria:
    config = record.spec["HyperParameterTuningJobConfig"]
    given = config.get("TuningJobCompletionCriteria", {})
    target = given.get("TargetObjectiveMetricValue")
    if target is not None and _maximizes(record):
        target = -target
    return completion.Criteria(
        target,
        given.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving"),
        given.get("ConvergenceDetected", {}).get("CompleteOnConvergence") == "Enabled",
    )


def _maximizes(record: Record) -> bool:
    config = record.spec["HyperParameterTuningJobConfig"]
    given = [record.spec.get("TrainingJobDefinition"), *record.spec.get("TrainingJobDefinitions", ())]
    objectives = [
        config.get("HyperParameterTuningJobObjective"),
        *((each or {}).get("TuningObjective") for each in given),
    ]
    return any((each or {}).get("Type") == "Maximize" for each in objectives)


def _counters(run: TuningRun) -> dict[str, dict[str, int]]:
    told = run.told()
    states = dict(NO_JOBS["TrainingJobStatusCounters"])
    for child in run.children.values():
        states[_counted_as(child)] += 1
    return {
        "TrainingJobStatusCounters": states,
        "ObjectiveStatusCounters": {
            "Succeeded": told["succeeded"],
            "Pending": told["pending"],
            "Failed": told["failed"],
        },
    }


def _counted_as(child: Record) -> str:
    if child.state == "Failed":
        # AWS tries those again that failed by a fault of its own.
        ours = str(child.status.get("FailureReason", "")).startswith("InternalServerError")
        return "RetryableError" if ours else "NonRetryableError"
    return child.state if child.state in ("Completed", "Stopped") else "InProgress"
