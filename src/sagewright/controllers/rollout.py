"""A generation takes another's place: what the endpoint's record says of it, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sagewright.controllers.fleet import Instance, Wanted
from sagewright.controllers.generation import Generation, Members
from sagewright.resources import deployment
from sagewright.resources.alarm import ALARM, COMPOSITE, METRIC
from sagewright.resources.deployment import Course, Progress, Stage
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

NOTE: Final = "deployment"
"""Where the status keeps generation, started, progress and, on the way back, reached."""
PENDING: Final = "PendingDeploymentSummary"
TARGET: Final = ("generation", "config", "models", "EndpointConfigName")


@dataclass(frozen=True, slots=True)
class Rollout:
    """Both generations, and how far the one has come to take the other's place."""

    old: Generation
    new: Generation
    config: Mapping[str, Any]
    """The deployment configuration."""
    course: Course
    progress: Progress
    note: Mapping[str, Any]

    @property
    def stage(self) -> Stage:
        return self.course.stages[self.progress.stage]

    @property
    def share(self) -> float:
        """Of the requests, what the new generation takes."""
        return self.course.share(self.progress)

    @property
    def winner(self) -> Generation:
        """The one that is left in the end."""
        return self.old if self.course.back else self.new

    @property
    def wanted_old(self) -> Sequence[Wanted]:
        return self.old.wanted(self.stage.old)

    @property
    def wanted_new(self) -> Sequence[Wanted]:
        return self.new.wanted(self.stage.new)

    def stands(self, stage: Stage, healthy: Sequence[Instance]) -> bool:
        """Whether what a stage brings up is all there: of the old generation on the way back, else of the new one."""
        wanted = self.old.wanted(stage.old) if self.course.back else self.new.wanted(stage.new)
        return all(sum(each.holds(instance) for instance in healthy) >= each.count for each in wanted)

    def noted(self) -> Mapping[str, Any]:
        """For the status."""
        return {**self.note, "progress": asdict(self.progress)}

    # What is told of it.

    def described(self, old: Members, new: Members, resolved: float) -> dict[str, Any]:
        """As DescribeEndpoint tells it."""
        pending = self.new.described(new, self.note["started"], status=self._status_of_new)
        name = {"EndpointConfigName": self.new.target["EndpointConfigName"], "StartTime": self.note["started"]}
        return {**self.old.described(old, resolved, status=self._status_of_old), PENDING: {**name, **pending}}

    def _status_of_new(self, name: str) -> Mapping[str, Any]:
        progress, stage = self.progress, self.stage
        count = stage.new.get(name, 0)
        if self.course.back:
            return _status("Deleting", "Rolling back: terminating the instances.", progress.began)
        if progress.since is None:
            return _status("Creating", f"Launching {count} instance(s).", progress.began)
        return _status(
            "Baking",
            f"Baking for {stage.seconds:.0f} seconds ({stage.why}) with traffic enabled on {_part(stage.share)} "
            f"capacity of {count} instance(s).",
            progress.since,
        )

    def _status_of_old(self, name: str) -> Mapping[str, Any] | None:
        whole, count = self.old.counts.get(name, 0), self.stage.old.get(name, 0)
        if self.course.back:
            return _status("ActivatingTraffic", f"Rolling back to {count} instance(s).", self.progress.began)
        if count < whole:
            return _status("Updating", f"{count} of {whole} instance(s) are left.", self.progress.began)
        return None


def rollout(record: Record, now: float) -> Rollout | None:
    """What goes on at an endpoint; None where no generation takes another's place."""
    current = record.status.get("current")
    if current is None or record.state not in ("Updating", "RollingBack"):
        return None
    old, new = Generation(current), Generation({member: record.spec[member] for member in TARGET})
    if old.number == new.number:
        return None
    config = record.spec.get("DeploymentConfig", {})
    note = record.status.get(NOTE) or _note(new, now)
    if record.state == "RollingBack":
        reached = Progress(**note.get("reached", note["progress"]))
        course = deployment.back(config, old.counts, new.counts, reached)
    else:
        course = deployment.forward(config, old.counts, new.counts)
    return Rollout(old, new, config, course, Progress(**note["progress"]), note)


def turned_back(record: Record, now: float) -> Mapping[str, Any]:
    """What the status of one that is to be rolled back says of the deployment."""
    note = record.status.get(NOTE)
    if note is None:  # its generation serves already: its instances were to become more
        return {}
    return {NOTE: {**note, "progress": asdict(Progress(0, now)), "reached": note["progress"]}}


def _note(new: Generation, now: float) -> Mapping[str, Any]:
    return {"generation": new.number, "started": now, "progress": asdict(Progress(0, now))}


def trouble(store: Store, record: Record, found: Rollout, now: float, healthy: Sequence[Instance]) -> str | None:
    """Why a deployment is to be rolled back; None: it is not. `healthy` are the new generation's instances.

    Alarms count from the moment when the new generation takes requests, or could.
    """
    if found.course.back:
        return None
    which = f"The deployment of endpoint configuration {found.new.target['EndpointConfigName']} was rolled back"
    for policy in ("BlueGreenUpdatePolicy", "RollingUpdatePolicy"):
        limit = found.config.get(policy, {}).get("MaximumExecutionTimeoutInSeconds")
        if limit is not None and now - found.note["started"] > limit:
            return f"{which}, because it took longer than MaximumExecutionTimeoutInSeconds ({limit})."
    if not found.share and not found.stands(found.stage, healthy):
        return None
    alarms = found.config.get("AutoRollbackConfiguration", {}).get("Alarms", ())
    tripped = [each["AlarmName"] for each in alarms if alarm_state(store, record.key, each["AlarmName"]) == ALARM]
    if tripped:
        return f"{which}, because of the CloudWatch alarms that are in ALARM: {', '.join(tripped)}."
    return None


def alarm_state(store: Store, near: Key, name: str) -> str | None:
    """The state of an alarm in an endpoint's account and region; None where there is none of this name."""
    for kind in (METRIC, COMPOSITE):
        found = store.get(Key(near.account, near.region, kind, "", name))
        if found is not None:
            return found.state
    return None


def _status(status: str, message: str, since: float) -> Mapping[str, Any]:
    return {"Status": status, "StatusMessage": message, "StartTime": since}


def _part(share: float) -> str:
    return "100%" if share == 1 else f"{100 * share:.4g}%"
