"""Which jobs may run now, and which wait for room on the machines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sagewright.base.errors import Terminal
from sagewright.compute import instances
from sagewright.compute.machine import Machine
from sagewright.controllers.admission import Admission, Amount, Claim
from sagewright.resources.owner import owner
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

NO_CAPACITY: Final = (
    "CapacityError: Unable to provision requested ML compute capacity: {asked} do not fit on these machines, which run "
    "with --capacity strict. Ask for fewer or smaller instances, or start the server without it."
)

_LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at what a running job says."""
_AT_ONCE: Final = 16
"""So many running jobs are looked at as often as that."""

Known = Iterable[tuple[Record, Sequence[str], bool]]
"""Jobs that are there, the instance types of their hosts, and whether they have a place."""


def unsettled_jobs(
    store: Store,
    kind: str,
    settled: Sequence[str],
    *,
    types: Callable[[Record], Sequence[str]],
    runs: Callable[[Record], bool],
) -> Known:
    """The jobs of a kind that there are when the server starts: those that have room, and those that wait for it."""
    for record in store.unsettled(kind, settled):
        has_room = runs(record)
        if record.state not in settled and (has_room or record.intent != "stop"):
            yield record, types(record), has_room


class Room:
    """The places of all kinds of jobs. Kept in memory: after a restart, what runs takes its place first.

    Those of several hosts that `share_ports`, a machine's own ones, take turns: what trains on many hosts mostly meets
    at a fixed one.

    A job that waits costs nothing: it is woken when it may run, and when others pass it, for then its user is told why.
    """

    def __init__(
        self,
        machines: Sequence[Machine],
        wake: Callable[[Key], None],
        *,
        overcommit: float = 1.0,
        strict: bool = False,
        share_ports: Callable[[Record], bool] = lambda _: True,
    ) -> None:
        """`strict`: what asks for more than all machines have never runs. Else it runs alone."""
        self._largest = max(machines, key=lambda machine: machine.size)
        self._wake = wake
        self._share_ports = share_ports
        self._admission = Admission(
            [Amount(machine.vcpus, machine.memory_bytes, machine.gpus) for machine in machines],
            overcommit=1.0 if strict else overcommit,
            one_always=not strict,
        )
        self.strict = strict
        self._keys: dict[str, Key] = {}
        self._told: str | None = None
        """Who knows that others pass it."""
        self._known: list[tuple[Callable[[], Known], bool]] = []
        self._lock = threading.Lock()

    def remember(self, known: Callable[[], Known], *, turns: bool = True) -> None:
        """Before anybody enters, `known` is asked once which jobs there are: those that have places get them first.

        `turns`: whether those of several hosts take turns."""
        self._known.append((known, turns))

    def enter(self, record: Record, types: Sequence[str], *, always: bool = False) -> bool:
        """Take room for a host of each of these types, if it is this job's turn; else wait to be woken.

        `always`: it runs already. Raises Terminal for what can never run here.
        """
        with self._lock:
            self._recall()
            claim = self._claim(record, types)
            if always:
                self._admission.hold(claim)
                return True
            if not self._admission.possible(claim):
                raise Terminal(
                    NO_CAPACITY.format(asked=" and ".join(f"{types.count(t)} {t}" for t in sorted(set(types))))
                )
            self._admission.wait(claim)
            self._keys[record.uid] = record.key
            self._let_in(but=record.uid)
            return self._admission.has(record.uid)

    def leave(self, record: Record) -> None:
        """Neither run nor wait any more."""
        with self._lock:
            self._keys.pop(record.uid, None)
            self._admission.leave(record.uid)
            self._let_in()

    def is_passed(self, record: Record) -> bool:
        """Whether smaller ones run before it, though it is the next."""
        with self._lock:
            return self._admission.passed == record.uid

    def pace(self) -> float:
        """Seconds until the next look at a running job. Of many, each is looked at less often, so that all together
        cost what a few do; their ends are told at once in any case."""
        return _LOOK_AGAIN * max(1.0, self._admission.inside / _AT_ONCE)

    def waits_for(self, record: Record, types: Sequence[str]) -> str:
        """Why a job does not run yet: a sentence for its user."""
        with self._lock:
            claim = self._claim(record, types)
            asked = " and ".join(
                f"{claim.hosts.count(host)} x {_words(host)}" if claim.hosts.count(host) > 1 else _words(host)
                for host in dict.fromkeys(claim.hosts)
            )
            turn = " It is the next to run; few may pass it." if self._admission.passed == record.uid else ""
            others = self._admission.waiting - 1
            also = "" if not claim.turns else " Jobs of several instances take turns on one machine."
            return (
                f"Waiting for {asked}: {_count(self._admission.inside, 'job runs', 'jobs run')}, "
                f"{_count(others, 'other waits', 'others wait')}.{turn}{also}"
            )

    def occupy(self, record: Record, types: Sequence[str], *, always: bool) -> bool:
        """In strict capacity, hold room for these instances and no others; in fitted capacity nothing is counted.

        For what stays, as endpoints do: it never waits. False, and nothing is changed, where they do not fit, unless
        `always`: they run already.
        """
        if not self.strict:
            return True
        with self._lock:
            self._recall()
            claim = self._claim(record, types, turns=False)
            done = self._admission.change(claim, always=always)
            self._let_in()
            return done

    def _claim(self, record: Record, types: Sequence[str], *, turns: bool = True) -> Claim:
        found = {name: self._amount(name) for name in set(types)}
        hosts = tuple(found[name] for name in types)
        turns = turns and len(hosts) > 1 and self._share_ports(record)
        return Claim(record.uid, owner(record), record.created, hosts, turns)

    def _amount(self, name: str) -> Amount:
        """What an instance of a type takes up here."""
        whole = instances.find(name) if self.strict else None
        if whole is not None:
            return Amount(whole.vcpus, whole.memory_gib * instances.GIB, whole.gpus)
        given = instances.fit(name, self._largest).resources
        return Amount(given.vcpus or 0.0, given.memory_bytes or 0, given.gpus)

    def _let_in(self, but: str = "") -> None:
        """Wake who may run now, and who is passed."""
        for claim in self._admission.admit():
            key = self._keys.pop(claim.uid, None)
            if key is not None and claim.uid != but:
                self._wake(key)
        ahead = self._admission.passed
        if ahead != self._told:
            self._told = ahead
            if ahead is not None and ahead != but and ahead in self._keys:
                self._wake(self._keys[ahead])

    def _recall(self) -> None:
        while self._known:
            known, turns = self._known.pop()
            for record, types, runs in known():
                claim = self._claim(record, types, turns=turns)
                if runs:
                    self._admission.hold(claim)
                elif self._admission.possible(claim):
                    self._admission.wait(claim)
                    self._keys[record.uid] = record.key


def _words(amount: Amount) -> str:
    return instances.words(amount.vcpus, int(amount.memory_bytes), amount.gpus)


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
