"""What goes with a scalable target, and what is written when it is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sagewright.dataplane.scaling import activities
from sagewright.resources.alarm import METRIC
from sagewright.resources.record import Key, Record
from sagewright.resources.scaling import ACTION, ACTIVITY, POLICY, belongings
from sagewright.store.base import Query, Store, Write

_FEW: Final = 20


def policies(store: Store, target: Key) -> Sequence[Record]:
    return list(_every(store, target, POLICY))


def deregistration(store: Store, target: Record, why: str, now: float) -> Sequence[Write]:
    """What takes a target away with its policies, their alarms and its scheduled actions. `why` is a sentence."""
    writes: list[Write] = [("delete", target)]
    for policy in _every(store, target.key, POLICY):
        writes.append(("delete", policy))
        writes += alarm_deletions(store, policy)
    writes += [("delete", action) for action in _every(store, target.key, ACTION)]
    activity = activity_of(store, target)
    if activity is not None:
        writes.append(("update", activities.ended(activity, target.key, "Failed", why, now)))
    return writes


def alarm_deletions(store: Store, policy: Record) -> Sequence[Write]:
    """What takes the alarms away that a target tracking policy made for itself."""
    key = policy.key
    names = [alarm["AlarmName"] for alarm in policy.status.get("Alarms", ())]
    found = [store.get(Key(key.account, key.region, METRIC, "", name)) for name in names]
    return [("delete", record) for record in found if record is not None]


def activity_of(store: Store, target: Record) -> Record | None:
    """The activity that is in progress."""
    name = target.status.get("activity")
    key = target.key
    return store.get(Key(key.account, key.region, ACTIVITY, belongings(key), name)) if name else None


def purges(store: Store, target: Key, now: float) -> Sequence[Write]:
    """What takes activities away that nobody is shown any more; a few at a time, whenever one is added."""
    account, region = target.account, target.region
    old = store.list(Query(account, region, ACTIVITY, created_before=now - activities.KEPT), limit=_FEW).records
    own = Query(account, region, ACTIVITY, parent=belongings(target), sort_by="created")
    excess = store.count(own) - activities.MOST + 1
    spare = store.list(own, limit=min(excess, _FEW)).records if excess > 0 else ()
    return [("delete", record) for record in {record.key: record for record in (*old, *spare)}.values()]


def _every(store: Store, target: Key, kind: str) -> Iterator[Record]:
    return store.every(Query(target.account, target.region, kind, parent=belongings(target)))
