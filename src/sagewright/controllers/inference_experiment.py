"""Inference experiments, made so: at their time the endpoint gets a shadow variant, and in the end what is to stay.

Each change of the endpoint is an endpoint configuration of its own, written together with the update that asks for it:
so none is asked for twice, and the endpoint's own roll back decides whether it came to anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.clock import Clock
from sagewright.base.ids import Ids
from sagewright.resources import endpoint as endpoints
from sagewright.resources import endpoint_config
from sagewright.resources.inference_experiment import KIND, LIFE, actions, ended, running, source
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, Write

_SOON: Final = 0.5
"""Seconds until the next look at an endpoint that is being updated."""
_WATCHING: Final = 5.0
"""Seconds between two looks at an endpoint with an experiment."""
_OTHERS: Final = "The endpoint was updated by somebody else."

Make = Callable[[Mapping[str, Any], str, Mapping[str, Any]], Mapping[str, Any]]
"""From an experiment's spec, a configuration's name and the endpoint's configuration before to the wanted one."""


class InferenceExperiments:
    """The reconciler of inference experiments."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store, self._clock, self._ids = store, clock, ids

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        if record.state == "Creating":
            return self._move(record, "created")
        if record.state == "Created":
            left = record.spec["Schedule"]["StartTime"] - self._clock.now()
            return float(left) if left > 0 else self._move(record, "start")
        if record.state in ("Starting", "Updating"):
            return self._reach(record, running, lambda: self._run(record))
        if record.state == "Running":
            return self._watch(record)
        if record.state == "Stopping":
            return self._stop(record)
        return None

    def fail(self, record: Record, reason: str) -> None:
        """Only by mistakes of ours: all else ends in `_abort`."""
        if LIFE.allows(record.state, "cancel"):
            self._finish(record, "cancel", reason)

    # The steps.

    def _run(self, record: Record) -> float:
        started = {"started": record.status.get("started", self._clock.now())}
        return self._move(record, "run", **started)

    def _watch(self, record: Record) -> float:
        """An experiment ends at its time, or when somebody else changes its endpoint."""
        left = record.spec["Schedule"]["EndTime"] - self._clock.now()
        endpoint = self._endpoint(record)
        if (reason := _unusable(endpoint)) is not None:
            return self._finish(record, "cancel", reason)
        if endpoint is not None and endpoint.spec["EndpointConfigName"] != record.status["asked"]["config"]:
            return self._finish(record, "cancel", _OTHERS)
        if left <= 0:
            return self._move(record, "stop", ending={"state": "Completed"})
        return min(float(left), _WATCHING)

    def _stop(self, record: Record) -> float:
        stop, ending = record.spec.get("stop", {}), record.status.get("ending", {})
        state = stop.get("DesiredState", ending.get("state", "Cancelled"))
        reason = stop.get("Reason", ending.get("reason"))

        def finish() -> float:
            return self._finish(record, "complete" if state == "Completed" else "cancel", reason)

        never_ran = "before" not in record.status
        if never_ran and "Promote" not in actions(record.spec).values() and "DesiredModelVariants" not in stop:
            return finish()
        return self._reach(record, ended, finish)

    # The endpoint.

    def _reach(self, record: Record, make: Make, then: Callable[[], float]) -> float:
        """Have the endpoint serve another configuration, and go on when it does."""
        endpoint = self._endpoint(record)
        reason = _unusable(endpoint)
        if endpoint is None or reason is not None:
            return self._abort(record, reason or "", gone=True)
        mark = [record.state, record.spec.get("revision", 0)]
        asked = record.status.get("asked", {})
        if endpoint.state != "InService":
            return _SOON
        if asked.get("for") != mark:
            return self._ask(record, endpoint, mark, make)
        if endpoint.status["EndpointConfigName"] != asked["config"]:
            return self._abort(record, endpoint.status.get("FailureReason", _OTHERS))
        return then()

    def _ask(self, record: Record, endpoint: Record, mark: Sequence[Any], make: Make) -> float:
        """Write down which configuration is wanted, with all that belongs to it."""
        before = record.status.get("before", endpoint.status["current"]["config"])
        if "before" not in record.status and not _has(before, source(record.spec)):
            return self._abort(record, f"The endpoint's production variant is not {source(record.spec)} any more.")
        number = record.status.get("configs", 0) + 1
        name = f"{record.name[:40].rstrip('-')}-{record.uid[:8]}-{number}"
        now, key = self._clock.now(), record.key
        wanted = make(record.spec, name, before)
        config = endpoint_config.new(key.account, key.region, wanted, now=now, uid=self._ids.token())
        models = {each["ModelName"]: record.spec["models"][each["ModelName"]] for each in endpoints.variants(wanted)}
        update = endpoints.updated(endpoint, {"config": wanted, "models": models}, name)
        status = {**record.status, "before": before, "configs": number, "asked": {"for": mark, "config": name}}
        writes: Sequence[Write] = [
            ("create", config),
            ("update", replace(update, modified=now)),
            ("update", replace(record, status=status)),
        ]
        self._store.write(writes)
        return _SOON

    def _endpoint(self, record: Record) -> Record | None:
        key = record.key
        return self._store.get(Key(key.account, key.region, endpoints.KIND, "", record.spec["EndpointName"]))

    # The ends.

    def _abort(self, record: Record, reason: str, *, gone: bool = False) -> float:
        """The endpoint did not come to serve what was wanted."""
        if record.state == "Updating" and not gone:
            return self._move(record, "abort", ending={"state": "Cancelled", "reason": reason[:1024]})
        return self._finish(record, "cancel", reason)

    def _finish(self, record: Record, event: str, reason: str | None) -> float:
        why = {} if reason is None else {"StatusReason": reason[:1024]}
        return self._move(record, event, CompletionTime=self._clock.now(), **why)

    def _move(self, record: Record, event: str, **status: Any) -> float:
        now = self._clock.now()
        state = LIFE.after(record.state, event)
        self._store.update(replace(record, state=state, modified=now, status={**record.status, **status}))
        return 0.0


def _unusable(endpoint: Record | None) -> str | None:
    """Why an endpoint cannot have an experiment; None: it can."""
    if endpoint is None:
        return "The endpoint is not there any more."
    if endpoint.intent == "delete" or endpoint.state == "Failed":
        return f"The endpoint is {endpoint.state}."
    return None


def _has(config: Mapping[str, Any], variant: str) -> bool:
    return [each["VariantName"] for each in config["ProductionVariants"]] == [variant]
