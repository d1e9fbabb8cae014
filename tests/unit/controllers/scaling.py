"""A variant that scales: its endpoint, its alarms and what they call, driven minute by minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sagewright.controllers.alarm import Alarms
from sagewright.controllers.event_delivery import Deliveries
from sagewright.controllers.loop import Reconciler, Remembering
from sagewright.controllers.scalable_target import ScalableTargets
from sagewright.controllers.scheduled_action import ScheduledActions
from sagewright.dataplane.events.targets import Outlets
from sagewright.resources.alarm import METRIC
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query
from sagewright.testing.world import World

REGION = "us-east-1"
WHAT = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/e/variant/v",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
SIGNAL = {"Namespace": "n", "MetricName": "load"}


class Scaled:
    """`serve` and `minute` stand in for the endpoint's controller and the loop's clock."""

    def __init__(self, folder: Path) -> None:
        self.world = World.make(folder)
        services, self.clock, self.store = self.world.services, self.world.clock, self.world.services.store
        self.clock.advance(-(self.clock.now() % 60))
        self.account = services.settings.account
        self.metrics = services.metrics.at(self.account, REGION)
        self.scaling, self.cloudwatch = self.world.client("application-autoscaling"), self.world.client("cloudwatch")
        self._due: set[Key] = set()
        self.store.subscribe(self._due.add)
        self.looks: list[str] = []
        """The kinds of what was reconciled."""
        self.restart()

    def restart(self) -> None:
        """What does not stand in the store is forgotten, and all that is not settled is due."""
        services, bus, metrics = self.world.services, self.world.services.events, self.world.services.metrics
        wake = self._due.add
        self.targets = ScalableTargets(self.store, metrics, self.clock, services.ids, wake)
        outlets = Outlets(services.logs, bus, services.neighbours.ask, self.targets.call)
        reconcilers: Sequence[Reconciler] = (
            self.targets,
            Alarms(self.store, bus, metrics, self.clock, wake, self.targets.call),
            Deliveries(self.store, outlets, metrics, self.clock),
            ScheduledActions(self.store, self.clock, services.ids),
        )
        self._reconcilers: Mapping[str, Reconciler] = {each.kind: each for each in reconcilers}
        for each in reconcilers:
            self._due.update(record.key for record in self.store.unsettled(each.kind, each.settled))
        self.settle()

    # The endpoint.

    def endpoint(self, count: int = 1, name: str = "e", **config: Any) -> Key:
        key = Key(self.account, REGION, "endpoint", "", name)
        variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": count}
        spec = {"config": {"ProductionVariants": [variant], **config}, "generation": 1}
        uid = self.world.services.ids.token()
        self.store.create(Record(key, uid, self.clock.now(), self.clock.now(), spec, {}, "Updating"))
        self.serve(key)
        return key

    def serve(self, key: Key, state: str = "InService", *, seen: bool = True, **status: Any) -> None:
        """All that is wanted is there; `seen` by the targets."""

        def served(record: Record) -> Record:
            told = [_told(variant) for variant in record.spec["config"]["ProductionVariants"]]
            return replace(record, state=state, status={"EndpointArn": "arn", "ProductionVariants": told, **status})

        self.store.amend(key, served)
        if seen:
            self.settle()

    def wanted(self, key: Key) -> int:
        record = self.store.get(key)
        assert record is not None
        count: int = record.spec["config"]["ProductionVariants"][0]["InitialInstanceCount"]
        return count

    # Time.

    def settle(self) -> None:
        """Reconcile until nobody is due."""
        while self._due:
            key = self._due.pop()
            if key.kind not in self._reconcilers:
                continue
            record, reconciler = self.store.get(key), self._reconcilers[key.kind]
            if record is None and isinstance(reconciler, Remembering):
                reconciler.forget(key)
            if record is not None:
                self.looks.append(key.kind)
                reconciler.reconcile(record)

    def minute(self, load: float | None = None, *, minutes: int = 1) -> None:
        """So many minutes pass with this load, and what follows from it is done."""
        for _ in range(minutes):
            if load is not None:
                self.metrics.put("n", "load", {}, None, load)
            self.clock.advance(60)
            alarms = self.store.list(Query(self.account, REGION, METRIC), limit=1000).records
            self._due.update(alarm.key for alarm in alarms)
            self.settle()

    def pass_time(self, seconds: float, kind: str) -> None:
        """Time passes, then all records of a kind are due."""
        self.clock.advance(seconds)
        self._due.update(
            record.key for record in self.store.list(Query(self.account, REGION, kind), limit=1000).records
        )
        self.settle()

    # Application Auto Scaling.

    def register(self, low: int = 1, high: int = 6, **more: Any) -> None:
        self.clock.advance(1e-3)
        self.scaling.register_scalable_target(**WHAT, MinCapacity=low, MaxCapacity=high, **more)
        self.settle()

    def track(self, name: str = "p", target: float = 10.0, **more: Any) -> None:
        config = {"TargetValue": target, "CustomizedMetricSpecification": {**SIGNAL, "Statistic": "Average"}, **more}
        put = {"PolicyName": name, "PolicyType": "TargetTrackingScaling"}
        self.scaling.put_scaling_policy(**WHAT, **put, TargetTrackingScalingPolicyConfiguration=config)

    def step(
        self,
        name: str,
        steps: Sequence[Mapping[str, Any]],
        alarm: Mapping[str, Any] | None = None,
        what: Mapping[str, str] = WHAT,
        **more: Any,
    ) -> str:
        """A policy with an alarm of the same name; its ARN."""
        config = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps, "Cooldown": 120, **more}
        put = {"PolicyName": name, "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": config}
        arn: str = self.scaling.put_scaling_policy(**what, **put)["PolicyARN"]
        rule = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 10.0, **(alarm or {})}
        self.cloudwatch.put_metric_alarm(
            AlarmName=name, **SIGNAL, Statistic="Average", Period=60, EvaluationPeriods=1, AlarmActions=[arn], **rule
        )
        return arn

    def activities(self, **more: Any) -> list[dict[str, Any]]:
        """The newest first."""
        asked = self.scaling.describe_scaling_activities(ServiceNamespace="sagemaker", **more)
        told: list[dict[str, Any]] = asked["ScalingActivities"]
        return told

    def close(self) -> None:
        self.world.close()


def _told(variant: Mapping[str, Any]) -> dict[str, Any]:
    count = variant["InitialInstanceCount"]
    return {"VariantName": variant["VariantName"], "DesiredInstanceCount": count, "CurrentInstanceCount": count}
