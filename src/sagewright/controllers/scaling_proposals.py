"""What the scaling policies of a target ask for, by what their alarms see now."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from sagewright.dataplane.alarms import watching
from sagewright.dataplane.scaling.deciding import Proposal
from sagewright.dataplane.scaling.policies import Breach, NoStep, stepped, tracked
from sagewright.dataplane.scaling.targets import policies
from sagewright.resources.alarm import ALARM, METRIC
from sagewright.resources.record import Key, Record
from sagewright.resources.scaling import COOLDOWN, STEPS, TRACKING, Capacity
from sagewright.store.base import Store
from sagewright.telemetry.metrics import Metrics
from sagewright.telemetry.metrics_expression import MathError


@dataclass(slots=True)
class Asked:
    """What was asked for, and what could not be understood."""

    proposals: list[Proposal] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    """(cause, sentence) of each policy that has no step for what its alarm sees."""


@dataclass(frozen=True, slots=True)
class _Scene:
    store: Store
    metrics: Metrics
    target: Key
    capacity: Capacity
    start: int
    now: float

    def alarm(self, name: str) -> Record | None:
        return self.store.get(Key(self.target.account, self.target.region, METRIC, "", name))

    def breach(self, alarm: Record) -> Breach:
        """What an alarm sees now. Nothing, where its metric cannot be computed."""
        spec = alarm.spec
        try:
            metrics = self.metrics.at(alarm.key.account, alarm.key.region)
            values = watching.look(metrics, spec, watching.last(spec, self.now)).newest(spec["EvaluationPeriods"])
        except MathError:
            values = ()
        return Breach(values, spec["Threshold"], spec["ComparisonOperator"])


def gather(
    store: Store,
    metrics: Metrics,
    target: Key,
    called: Set[tuple[str, str]],
    capacity: Capacity,
    start: int,
    now: float,
) -> Asked:
    """What the policies ask for that were called, (policy, alarm) by name; `start` is the capacity they count from."""
    scene, asked = _Scene(store, metrics, target, capacity, start, now), Asked()
    every = policies(store, target)
    for policy in every:
        for name, alarm_name in sorted(called):
            alarm = scene.alarm(alarm_name) if name == policy.name else None
            if alarm is None:
                continue
            cause = f"monitor alarm {alarm.name} in state {alarm.state} triggered policy {policy.name}"
            if policy.spec["PolicyType"] == "StepScaling":
                _ask_steps(scene, policy, alarm, cause, asked)
            else:
                _ask_tracking(scene, policy, alarm, cause, every, asked)
    return asked


def _ask_steps(scene: _Scene, policy: Record, alarm: Record, cause: str, asked: Asked) -> None:
    config = policy.spec[STEPS]
    try:
        wanted = stepped(config, scene.breach(alarm), scene.start)
    except NoStep as error:
        asked.failures.append((cause, str(error)))
        return
    cooldown = config.get("Cooldown", COOLDOWN)
    asked.proposals.append(Proposal(policy.name, cause, wanted, cooldown, cooldown))


def _ask_tracking(
    scene: _Scene, policy: Record, alarm: Record, cause: str, every: Sequence[Record], asked: Asked
) -> None:
    if alarm.state != ALARM:
        return
    breach = scene.breach(alarm)
    wanted = _tracked(scene, policy, breach)
    if wanted is None:
        return
    if not breach.above:
        least = [_least(scene, other) for other in every if other.name != policy.name and TRACKING in other.spec]
        if None in least:
            return  # another policy is not ready for less
        wanted = max([wanted, *(each for each in least if each is not None)])
    config = policy.spec[TRACKING]
    outward, inward = config.get("ScaleOutCooldown", COOLDOWN), config.get("ScaleInCooldown", COOLDOWN)
    asked.proposals.append(Proposal(policy.name, cause, wanted, outward, inward, not breach.above))


def _tracked(scene: _Scene, policy: Record, breach: Breach) -> int | None:
    """Too much never asks for less than there is, too little never for more."""
    here = scene.capacity.desired
    wanted = tracked(policy.spec[TRACKING]["TargetValue"], breach, scene.start if breach.above else here)
    if wanted is None:
        return None
    return max(wanted, here) if breach.above else min(wanted, here)


def _least(scene: _Scene, policy: Record) -> int | None:
    """What a policy needs at least; None while it does not want less. One that never scales in only minds too much."""
    alarms = [alarm for each in policy.status["Alarms"] if (alarm := scene.alarm(each["AlarmName"])) is not None]
    low = [alarm for alarm in alarms if alarm.state == ALARM and not scene.breach(alarm).above]
    if low:
        return _tracked(scene, policy, scene.breach(low[0]))
    never = policy.spec[TRACKING].get("DisableScaleIn", False)
    return 0 if never and not any(alarm.state == ALARM for alarm in alarms) else None
