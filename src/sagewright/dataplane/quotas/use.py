"""Keeping to quotas: who uses how much is noted in the quota's own record, in the commit that creates the user of it.

So two that come at once cannot both take what is left: one of them finds the record changed, and looks again. Nobody
notes when something has ended. Who is noted is looked at when there seems to be nothing left, and those that have ended
are struck off; so a quota's record has never more names than its value, and its cost does not grow with what there was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import SagewrightError
from sagewright.resources import quota
from sagewright.resources.owner import owner
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, Write

_USED: Final = "used"
"""By the user's uid: its key and how many instances. While it is not there, what ran before is yet to be found."""

Used = Mapping[str, Mapping[str, Any]]


class Exceeded(SagewrightError):
    """More than a quota allows; the message is AWS's."""


def taken(store: Store, record: Record) -> Sequence[Write]:
    """What is written together with a record that is new, or that is to have other instances than before.

    Raises Exceeded.
    """
    return list(_taken(store, record))


def in_use(store: Store, found: Record) -> int:
    """How many instances there are now of a quota."""
    return sum(each["instances"] for each in _living(store, found).values())


def _taken(store: Store, record: Record) -> Iterator[Write]:
    for name, wanted in quota.used_by(record).items():
        for user in dict.fromkeys(("", owner(record))):
            found = store.get(quota.key_of(record.key.account, record.key.region, name, user))
            if found is None:
                continue
            used: Used = found.status[_USED] if _USED in found.status else _living(store, found)
            if _beside(used, record) + wanted > found.spec["Value"]:
                used = _living(store, found)
            before = used.get(record.uid, {}).get("instances", 0)
            if wanted > before and _beside(used, record) + wanted > found.spec["Value"]:
                now = _beside(used, record) + before
                raise Exceeded(quota.exceeded(name, found.spec["Value"], now, wanted - before, user))
            used = {**used, record.uid: {"key": list(record.key), "instances": wanted}}
            yield "update", replace(found, status={**found.status, _USED: used})


def _beside(used: Used, record: Record) -> int:
    """What others than the record use."""
    return sum(each["instances"] for uid, each in used.items() if uid != record.uid)


def _living(store: Store, found: Record) -> Used:
    """Those of a quota's users that are still there, with what they use now."""
    if _USED not in found.status:
        return _all(store, found)
    living = {}
    for uid, each in found.status[_USED].items():
        record = store.get(Key(*each["key"]))
        if record is not None and record.uid == uid:
            instances = quota.used_by(record).get(found.name, 0)
            if instances:
                living[uid] = {"key": each["key"], "instances": instances}
    return living


def _all(store: Store, found: Record) -> Used:
    """All that use a quota, whether noted or not."""
    users = {}
    for kind, counted in quota.COUNTED.items():
        for record in store.unsettled(kind, counted.over):
            here = (record.key.account, record.key.region) == (found.key.account, found.key.region)
            if here and found.key.parent in ("", owner(record)):
                instances = quota.used_by(record).get(found.name, 0)
                if instances:
                    users[record.uid] = {"key": list(record.key), "instances": instances}
    return users
