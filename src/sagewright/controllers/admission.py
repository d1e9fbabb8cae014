"""Whose turn it is, and whether there is room: the arithmetic of it, without records, threads or clocks.

Nodes have vCPUs, memory and GPUs. A job asks for so much on each of its hosts; each host must fit on one node, and all
of them start at once. Who is next:

- Of all users who wait, the one who has the smallest share of the machines in use; of equal ones, who had a turn
  longest ago; of these, whose job is oldest. Within a user, the oldest job.
- A job that is next and does not fit stays next. What it needs is kept for it: others pass it only where it would
  still fit beside them, and besides at most `PASSES` of them in all. So no stream of small jobs keeps a large one
  waiting for longer than those take that run already or passed.

Jobs that ask for the same wait in one line, so that a decision costs the same however many wait.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final, NamedTuple

PASSES: Final = 8
"""How many jobs may pass one that is next and whose start they may delay."""
_EPSILON: Final = 1e-9


class Amount(NamedTuple):
    """What a node has, or what a host asks for."""

    vcpus: float
    memory_bytes: float
    gpus: int

    def fits(self, node: Amount) -> bool:
        return self.vcpus <= node.vcpus + _EPSILON and self.memory_bytes <= node.memory_bytes and self.gpus <= node.gpus

    def plus(self, other: Amount) -> Amount:
        return Amount(self.vcpus + other.vcpus, self.memory_bytes + other.memory_bytes, self.gpus + other.gpus)

    def minus(self, other: Amount) -> Amount:
        return Amount(self.vcpus - other.vcpus, self.memory_bytes - other.memory_bytes, self.gpus - other.gpus)


NOTHING: Final = Amount(0.0, 0.0, 0)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one job asks for, and for whom."""

    uid: str
    user: str
    created: float
    """Epoch seconds."""
    hosts: tuple[Amount, ...]
    turns: bool = False
    """Whether it is one of those of which only one may run."""

    @property
    def line(self) -> tuple[str, tuple[Amount, ...], bool]:
        return (self.user, self.hosts, self.turns)


@dataclass(slots=True)
class _Next:
    """The job that is next and does not fit yet."""

    claim: Claim
    passed: int = 0
    beside: set[str] = field(default_factory=set)
    """Those that passed it and still run."""


_Placed = tuple[int, ...]
"""The node of each host."""


class Admission:
    """Who runs and who waits. Used by one thread at a time."""

    def __init__(self, nodes: Sequence[Amount], *, overcommit: float = 1.0, one_always: bool = True) -> None:
        """vCPUs and memory of the nodes are given away `overcommit` times, GPUs once. `one_always`: a job runs alone
        though it asks for more than there is."""
        self._nodes = [Amount(n.vcpus * overcommit, n.memory_bytes * overcommit, n.gpus) for n in nodes]
        self._free = list(self._nodes)
        self._one_always = one_always
        self._inside: dict[str, tuple[Claim, _Placed]] = {}
        self._in_use: dict[str, Amount] = {}
        self._total = NOTHING
        for node in self._nodes:
            self._total = self._total.plus(node)
        self._waiting: dict[str, Claim] = {}
        self._lines: dict[str, dict[tuple[str, tuple[Amount, ...], bool], list[tuple[float, str]]]] = {}
        """By user: those that ask for the same, oldest first. Who does not wait any more is skipped when met."""
        self._turns = count(1)
        self._last: dict[str, int] = {}
        self._next: _Next | None = None

    @property
    def inside(self) -> int:
        return len(self._inside)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def has(self, uid: str) -> bool:
        """Whether it runs."""
        return uid in self._inside

    @property
    def next(self) -> str | None:
        """For whom room is kept."""
        return None if self._next is None else self._next.claim.uid

    @property
    def passed(self) -> str | None:
        """The same, once others passed it."""
        return None if self._next is None or not (self._next.passed or self._next.beside) else self.next

    def possible(self, claim: Claim) -> bool:
        """Whether it can ever run: it fits where nothing else is, or may be more than there is."""
        return self._one_always or self._placed(claim, self._nodes) is not None

    def hold(self, claim: Claim) -> None:
        """It runs, whether it fits or not."""
        if claim.uid not in self._inside:
            self._enter(claim, self._placed(claim, self._free) or self._anywhere(claim))

    def change(self, claim: Claim, *, always: bool) -> bool:
        """It runs with these hosts instead of those that it had. False, with all as it was, where they do not fit,
        unless `always`."""
        before = self._inside.get(claim.uid)
        if before is not None:
            if before[0].hosts == claim.hosts:
                return True
            self.leave(claim.uid)
        if always or self._placed(claim, self._free) is not None:
            self.hold(claim)
            return True
        if before is not None:
            self.hold(before[0])
        return False

    def wait(self, claim: Claim) -> None:
        """It wants to run."""
        if claim.uid in self._waiting or claim.uid in self._inside:
            return
        self._waiting[claim.uid] = claim
        lines = self._lines.setdefault(claim.user, {})
        heapq.heappush(lines.setdefault(claim.line, []), (claim.created, claim.uid))

    def leave(self, uid: str) -> None:
        """It neither runs nor waits any more."""
        self._waiting.pop(uid, None)
        if self._next is not None:
            self._next.beside.discard(uid)
            if self._next.claim.uid == uid:
                self._next = None
        if uid in self._inside:
            claim, placed = self._inside.pop(uid)
            for node, host in zip(placed, claim.hosts, strict=True):
                self._free[node] = self._free[node].plus(host)
            left = self._in_use[claim.user]
            for host in claim.hosts:
                left = left.minus(host)
            if any(each.user == claim.user for each, _ in self._inside.values()):
                self._in_use[claim.user] = left
            else:
                del self._in_use[claim.user]

    def admit(self) -> list[Claim]:
        """Let in who may enter now, in their order."""
        found = []
        while (chosen := self._choose()) is not None:
            self._enter(*chosen)
            found.append(chosen[0])
        return found

    # Whose turn it is.

    def _choose(self) -> tuple[Claim, _Placed] | None:
        if not self._waiting:
            return None
        users = sorted(filter(self._heads, list(self._lines)), key=self._rank)
        if self._next is None:
            self._next = _Next(self._heads(users[0])[0])
        ahead = self._next
        placed = self._fit(ahead.claim)
        if placed is not None:
            return ahead.claim, placed
        for user in users:
            for claim in self._heads(user):
                if claim.uid == ahead.claim.uid:
                    continue
                placed = self._fit(claim)
                if placed is None:
                    continue
                if not self._is_beside(ahead, claim, placed):
                    if ahead.passed >= PASSES:
                        continue
                    ahead.passed += 1
                else:
                    ahead.beside.add(claim.uid)
                return claim, placed
        return None

    def _heads(self, user: str) -> list[Claim]:
        """The oldest of each of the user's lines, the oldest of all first."""
        found = []
        lines = self._lines.get(user, {})
        for line, queue in list(lines.items()):
            while queue and queue[0][1] not in self._waiting:
                heapq.heappop(queue)
            if queue:
                found.append(self._waiting[queue[0][1]])
            else:
                del lines[line]
        if not found:
            self._lines.pop(user, None)
        return sorted(found, key=lambda claim: (claim.created, claim.uid))

    def _rank(self, user: str) -> tuple[float, int, float, str]:
        return (round(self._share(user), 9), self._last.get(user, 0), self._heads(user)[0].created, user)

    def _share(self, user: str) -> float:
        """The largest of the user's shares of vCPUs, memory and GPUs."""
        used = self._in_use.get(user, NOTHING)
        return max((have / of for have, of in zip(used, self._total, strict=True) if of > 0), default=0.0)

    def _is_beside(self, ahead: _Next, claim: Claim, placed: _Placed) -> bool:
        """Whether the next job would fit once all have ended that do not pass it, whatever those do that pass."""
        if ahead.claim.turns and claim.turns:
            return False
        left = list(self._nodes)
        for uid in ahead.beside:
            self._put(left, *self._inside[uid])
        self._put(left, claim, placed)
        return self._placed(ahead.claim, left) is not None

    # Where there is room.

    def _fit(self, claim: Claim) -> _Placed | None:
        if claim.turns and any(other.turns for other, _ in self._inside.values()):
            return None
        if not self._inside and self._one_always:
            return self._placed(claim, self._free) or self._anywhere(claim)
        return self._placed(claim, self._free)

    def _placed(self, claim: Claim, nodes: Sequence[Amount]) -> _Placed | None:
        """A node for each host: each goes where least is left over; those that ask for most choose first."""
        left = list(nodes)
        found: dict[int, int] = {}
        for number in sorted(range(len(claim.hosts)), key=lambda n: _weight(claim.hosts[n]), reverse=True):
            host = claim.hosts[number]
            fitting = [place for place, node in enumerate(left) if host.fits(node)]
            if not fitting:
                return None
            best = min(fitting, key=lambda place: _weight(left[place]))
            left[best] = left[best].minus(host)
            found[number] = best
        return tuple(found[number] for number in range(len(claim.hosts)))

    def _anywhere(self, claim: Claim) -> _Placed:
        """Spread over all nodes, whatever they have."""
        return tuple(number % len(self._nodes) for number in range(len(claim.hosts)))

    def _enter(self, claim: Claim, placed: _Placed) -> None:
        self._waiting.pop(claim.uid, None)
        if self.next == claim.uid:
            self._next = None
        self._inside[claim.uid] = (claim, placed)
        self._put(self._free, claim, placed)
        for host in claim.hosts:
            self._in_use[claim.user] = self._in_use.get(claim.user, NOTHING).plus(host)
        self._last[claim.user] = next(self._turns)

    @staticmethod
    def _put(nodes: list[Amount], claim: Claim, placed: _Placed) -> None:
        for node, host in zip(placed, claim.hosts, strict=True):
            nodes[node] = nodes[node].minus(host)

    def __iter__(self) -> Iterator[Claim]:
        """Those that run."""
        return iter([claim for claim, _ in self._inside.values()])


def _weight(amount: Amount) -> tuple[int, float, float]:
    return (amount.gpus, amount.vcpus, amount.memory_bytes)
