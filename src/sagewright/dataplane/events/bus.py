"""The buses: who wants an event is found when it is handed in, and written down as one delivery per target.

What no rule wants costs no write. What is wanted is in the store when `put` returns, as records of kind `DELIVERY`
that `controllers/event_delivery.py` carries to their targets, so an acknowledged event outlives the server.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from sagewright.base.clock import Clock
from sagewright.base.ids import Ids
from sagewright.dataplane.events.inputs import rendered
from sagewright.dataplane.events.patterns import InvalidPattern, Matcher, compiled
from sagewright.resources.event import DELIVERY, RULE, rule_arn
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store
from sagewright.telemetry.events import Event, Events

MOST_ATTEMPTS: Final = 185
OLDEST: Final = 86_400
"""For how many seconds a delivery is tried at most."""
_FRESH: Final = 1.0
"""For how many seconds rules are believed where other servers write to the store too."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something for one target, whether a rule or an alarm sends it."""

    arn: str
    body: str
    target: Mapping[str, Any] = field(default_factory=dict)
    """Members of PutTargets' Target that say how it is to be handed over, and what if that fails."""
    rule: str = ""
    """The ARN of the rule that wanted it; '' for an alarm's action."""
    title: str = ""
    """What a message with a subject has there."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What else the delivery's record holds: whose action it is, for the history."""


@dataclass(frozen=True, slots=True)
class _Rule:
    key: Key
    matches: Matcher
    targets: Sequence[Mapping[str, Any]]


class Bus(Events):
    """Takes events. Any thread may call any method."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store, self._clock, self._ids = store, clock, ids
        self._lock = threading.Lock()
        self._rules: dict[tuple[str, str, str], tuple[float, Sequence[_Rule]]] = {}
        self._changes = 0
        store.subscribe(self._changed)

    def put(self, event: Event) -> None:
        self.take([event])

    def take(self, events: Sequence[Event]) -> Sequence[str]:
        """Take events, all or none, durable on return; their ids."""
        ids = [self._ids.uuid() for _ in events]
        records = [
            record
            for event, event_id in zip(events, ids, strict=True)
            for record in self._deliveries(self.spelled(event, event_id), event.bus)
        ]
        if records:
            self._store.write([("create", record) for record in records])
        return ids

    def listens(self, account: str, region: str) -> bool:
        """Whether anybody has a rule on the account's default bus there."""
        return bool(self._wanting(account, region, "default"))

    def deliveries(self, event: Event) -> Sequence[Record]:
        """The records that, once created, have the event delivered: for writing them along with what happened."""
        return self._deliveries(self.spelled(event, self._ids.uuid()), event.bus)

    def forward(self, spelled: Mapping[str, Any], account: str, region: str, bus: str, hop: str) -> None:
        """Take an event from another bus, as it is, durable on return. `hop` names the delivery it comes from.

        A delivery that is repeated adds nothing to what is still under way: its records have the same names. What was
        forwarded is not forwarded again, as on AWS, so that two buses cannot send it round and round.
        """
        records = self._deliveries(spelled, bus, account=account, region=region, hop=hop)
        ending = [record for record in records if ":event-bus/" not in record.spec["arn"]]
        missing = [record for record in ending if self._store.get(record.key) is None]
        if missing:
            self._store.write([("create", record) for record in missing])

    def spelled(self, event: Event, event_id: str) -> dict[str, Any]:
        """An event as targets and patterns see it."""
        return {
            "version": "0",
            "id": event_id,
            "detail-type": event.detail_type,
            "source": event.source,
            "account": event.account,
            "time": iso(self._clock.now() if event.time is None else event.time),
            "region": event.region,
            "resources": list(event.resources),
            "detail": event.detail,
        }

    def messages(self, rule: Key, targets: Sequence[Mapping[str, Any]], spelled: Mapping[str, Any]) -> list[Message]:
        """What a rule sends to its targets for an event."""
        about = {"arn": rule_arn(rule), "name": rule.name, "time": iso(self._clock.now())}
        return [Message(target["Arn"], rendered(target, spelled, about), target, about["arn"]) for target in targets]

    def message_record(self, account: str, region: str, message: Message, name: str = "") -> Record:
        """The record that has a message delivered."""
        now = self._clock.now()
        return Record(
            key=Key(account, region, DELIVERY, "", name or self._ids.uuid()),
            uid=self._ids.token(),
            created=now,
            modified=now,
            spec={
                "arn": message.arn,
                "body": message.body,
                "target": {m: v for m, v in message.target.items() if not m.startswith("Input")},
                "rule": message.rule,
                "title": message.title,
                **message.about,
            },
        )

    def _deliveries(
        self, spelled: Mapping[str, Any], bus: str, *, account: str = "", region: str = "", hop: str = ""
    ) -> Sequence[Record]:
        # Patterns and targets see what will be read back: JSON, with no tuples and no other types.
        account, region = account or spelled["account"], region or spelled["region"]
        rules = self._wanting(account, region, bus)
        if not rules:
            return ()
        event = orjson.loads(orjson.dumps(spelled))
        return [
            self.message_record(account, region, message, f"{hop or event['id']}:{rule.key.name}:{number}")
            for rule in rules
            if rule.matches(event)
            for number, message in enumerate(self.messages(rule.key, rule.targets, event))
        ]

    # Rules, read once.

    def _wanting(self, account: str, region: str, bus: str) -> Sequence[_Rule]:
        place = (account, region, bus)
        now = self._clock.monotonic()
        with self._lock:
            known = self._rules.get(place)
            changes = self._changes
        if known is not None and (self._store.local or known[0] > now):
            return known[1]
        rules = self._read(account, region, bus)
        with self._lock:
            if changes == self._changes:
                self._rules[place] = (now + _FRESH, rules)
        return rules

    def _read(self, account: str, region: str, bus: str) -> Sequence[_Rule]:
        query = Query(account, region, RULE, parent=bus, states=("ENABLED",))
        return [rule for record in self._store.every(query) if (rule := _rule(record)) is not None]

    def _changed(self, key: Key) -> None:
        if key.kind == RULE:
            with self._lock:
                self._changes += 1
                self._rules.pop((key.account, key.region, key.parent), None)


def _rule(record: Record) -> _Rule | None:
    pattern, targets = record.spec.get("EventPattern"), record.spec.get("Targets", ())
    if pattern is None or not targets:
        return None
    try:
        return _Rule(record.key, compiled(pattern), targets)
    except InvalidPattern:  # it was checked when it was put; a later version may read patterns more strictly
        return None


def iso(time: float) -> str:
    """A moment as events spell it, in whole seconds."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
