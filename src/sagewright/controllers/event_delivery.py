"""Deliveries, made so: each is tried until its target took it, its retries are used up, or it grew too old.

A delivery is removed after its target took it, so one that was cut short by a crash is made again: at least once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists, AwsError, SagewrightError, StaleRecord, Transient
from sagewright.dataplane.events.bus import MOST_ATTEMPTS, OLDEST
from sagewright.dataplane.events.targets import TARGETS, Delivery, Outlets, queue_url
from sagewright.resources import alarm
from sagewright.resources.arn import Arn
from sagewright.resources.event import DELIVERY
from sagewright.resources.record import Record
from sagewright.store.base import Store, Write
from sagewright.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 600.0
_RETRYABLE: Final = ("Throttling", "ThrottlingException", "TooManyRequestsException", "ServiceUnavailable")


class Deliveries:
    """The reconciler of deliveries."""

    kind = DELIVERY
    settled: Sequence[str] = ()

    def __init__(self, store: Store, outlets: Outlets, metrics: Metrics, clock: Clock) -> None:
        self._store, self._outlets, self._metrics, self._clock = store, outlets, metrics, clock

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        wait = record.status.get("next", 0.0) - self._clock.now()
        if wait > 0:
            return float(wait)
        delivery = delivery_of(record)
        try:
            kind = TARGETS.get(delivery.arn.service)
            if kind is None:
                raise AwsError("NO_RESOURCE", f"Nothing is delivered to {delivery.arn.service!r}.")
            kind.deliver(self._outlets, delivery)
        except (SagewrightError, LookupError, ValueError, OSError) as error:
            return self._failed(record, delivery, error)
        self._count(record, "Invocations")
        self._done(record, None)
        return None

    def fail(self, record: Record, reason: str) -> None:
        self._give_up(record, delivery_of(record), "INTERNAL_ERROR", reason, "")

    def _failed(self, record: Record, delivery: Delivery, error: Exception) -> float | None:
        attempts = int(record.status.get("attempts", 0)) + 1
        policy = delivery.target.get("RetryPolicy", {})
        code = error.code if isinstance(error, AwsError) else type(error).__name__
        wait = min(_FIRST_WAIT * 2.0 ** min(attempts - 1, 20), _LONGEST_WAIT)
        now = self._clock.now()
        latest = record.created + float(policy.get("MaximumEventAgeInSeconds", OLDEST))
        if not isinstance(error, Transient | OSError) and code not in _RETRYABLE:
            exhausted = ""  # trying again would not help
        elif attempts > policy.get("MaximumRetryAttempts", MOST_ATTEMPTS):
            exhausted = "MaximumRetryAttempts"
        elif now + wait > latest:
            exhausted = "MaximumEventAgeInSeconds"
        else:
            status = {"attempts": attempts, "next": now + wait, "error": str(error)[:500]}
            self._store.update(replace(record, status=status))
            return wait
        self._give_up(record, delivery, code, str(error), exhausted)
        return None

    def _give_up(self, record: Record, delivery: Delivery, code: str, reason: str, exhausted: str) -> None:
        _log.warning("%s got nothing from %s: %s", delivery.arn, delivery.rule or record.spec.get("alarm"), reason)
        queue = delivery.target.get("DeadLetterConfig", {}).get("Arn")
        if queue:
            self._bury(Arn.parse(queue), record, delivery, code, reason, exhausted)
        self._count(record, "FailedInvocations")
        self._done(record, reason)

    def _bury(self, queue: Arn, record: Record, delivery: Delivery, code: str, reason: str, exhausted: str) -> None:
        """Send it to the dead-letter queue. Raises Transient while that does not answer."""
        about = {
            "RULE_ARN": delivery.rule,
            "TARGET_ARN": str(delivery.arn),
            "ERROR_CODE": code,
            "ERROR_MESSAGE": reason[:500],
            "EXHAUSTED_RETRY_CONDITION": exhausted,
            "RETRY_ATTEMPTS": str(record.status.get("attempts", 0)),
        }
        attributes = {n: {"DataType": "String", "StringValue": text} for n, text in about.items() if text}
        ask = self._outlets.ask
        try:
            message = {"QueueUrl": queue_url(ask, queue), "MessageBody": delivery.body, "MessageAttributes": attributes}
            ask("sqs", "SendMessage", message, account=queue.account, region=queue.region)
        except AwsError as error:
            _log.warning("dead-letter queue %s: %s", queue, error)

    def _done(self, record: Record, reason: str | None) -> None:
        """Remove it; an alarm's history says in the same breath how its action went."""
        writes: list[Write] = [("delete", record)]
        if record.spec.get("alarm"):
            history = alarm.acted(record, reason, self._clock.now())
            writes.append(("create", history))
        try:
            self._store.write(writes)
        except (StaleRecord, AlreadyExists):
            _log.debug("%s was done already", record.name)

    def _count(self, record: Record, name: str) -> None:
        rule = record.spec["rule"].rpartition("/")[2]
        if rule:
            metrics = self._metrics.at(record.key.account, record.key.region)
            metrics.put("AWS/Events", name, {"RuleName": rule}, None, 1.0, "Count")


def delivery_of(record: Record) -> Delivery:
    spec = record.spec
    return Delivery(record.name, Arn.parse(spec["arn"]), spec["body"], spec["target"], spec["rule"], spec["title"])
