"""The copies of a new specification take the place of those before: what an inference component's record says of it.

The stages are those of a rolling deployment (`resources/deployment.py`); without a policy all copies come at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sagewright.controllers.fleet import Instance
from sagewright.controllers.rollout import alarm_state
from sagewright.resources import deployment
from sagewright.resources.alarm import ALARM
from sagewright.resources.deployment import Course, Progress, Stage
from sagewright.resources.inference_component import was_rolled_back
from sagewright.resources.record import Record
from sagewright.store.base import Store

NOTE: Final = "deployment"
"""Where the status keeps update, started, progress and, on the way back, reached."""
_COPIES: Final = "copies"

Target = Mapping[str, Any]
"""A generation: its number, model, Specification and RuntimeConfig."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """Two generations, and how far the one has come to take the other's place."""

    old: Target
    new: Target
    config: Mapping[str, Any]
    """The DeploymentConfig."""
    course: Course
    progress: Progress
    note: Mapping[str, Any]

    @property
    def winner(self) -> Target:
        """The one that is left in the end."""
        return self.old if self.course.back else self.new

    @property
    def counts(self) -> Sequence[tuple[Target, int]]:
        """How many copies of each there should be now."""
        stage = self.course.stages[self.progress.stage]
        return [(self.old, stage.old.get(_COPIES, 0)), (self.new, stage.new.get(_COPIES, 0))]

    @property
    def shares(self) -> Mapping[int, float]:
        """Of the requests, what each generation takes."""
        share = self.course.share(self.progress)
        return {self.old["generation"]: 1 - share, self.new["generation"]: share}

    def stands(self, stage: Stage, healthy: Sequence[Instance]) -> bool:
        """Whether what a stage brings up is all there: of the old generation on the way back, else of the new one."""
        counts = stage.old if self.course.back else stage.new
        there = sum(each["generation"] == self.winner["generation"] for each in healthy)
        return bool(there >= counts.get(_COPIES, 0))

    def noted(self) -> Mapping[str, Any]:
        """For the status."""
        return {**self.note, "progress": asdict(self.progress)}


def target_of(spec: Mapping[str, Any]) -> Target:
    """The generation that a spec asks for."""
    return {member: spec[member] for member in ("generation", "model", "Specification", "RuntimeConfig")}


def copies_of(target: Target) -> int:
    count: int = target["RuntimeConfig"]["CopyCount"]
    return count


def rollout(record: Record, now: float) -> Rollout | None:
    """What goes on at a component; None where no generation takes another's place."""
    old, new = record.status.get("current"), target_of(record.spec)
    if old is None or record.state != "Updating" or old["generation"] == new["generation"]:
        return None
    config = record.spec.get("DeploymentConfig", {})
    before, after = {_COPIES: copies_of(old)}, {_COPIES: copies_of(new)}
    known = record.status.get(NOTE)
    if known is None or known["update"] != record.spec["update"]:
        known = {"update": record.spec["update"], "started": now, "progress": asdict(Progress(0, now))}
    if was_rolled_back(record):
        reached = Progress(**known.get("reached", known["progress"]))
        course = deployment.back(config, before, after, reached)
    else:
        course = deployment.forward(config, before, after)
    return Rollout(old, new, config, course, Progress(**known["progress"]), known)


def turned_back(record: Record, now: float) -> Mapping[str, Any]:
    """What the status of one that is to be rolled back says of the deployment."""
    note = record.status.get(NOTE)
    if note is None:  # its specification serves already: its copies were to become more
        return {}
    return {NOTE: {**note, "progress": asdict(Progress(0, now)), "reached": note["progress"]}}


def trouble(store: Store, record: Record, found: Rollout, now: float) -> str | None:
    """Why an update is to be rolled back; None: it is not. Alarms count once the new copies take requests."""
    if found.course.back:
        return None
    limit = found.config.get("RollingUpdatePolicy", {}).get("MaximumExecutionTimeoutInSeconds")
    if limit is not None and now - found.note["started"] > limit:
        return f"The update was rolled back, because it took longer than MaximumExecutionTimeoutInSeconds ({limit})."
    if not found.shares[found.new["generation"]]:
        return None
    alarms = found.config.get("AutoRollbackConfiguration", {}).get("Alarms", ())
    tripped = [each["AlarmName"] for each in alarms if alarm_state(store, record.key, each["AlarmName"]) == ALARM]
    if tripped:
        return f"The update was rolled back, because of the CloudWatch alarms that are in ALARM: {', '.join(tripped)}."
    return None
