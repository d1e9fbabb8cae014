"""The loop that runs reconciles: wake-ups, back-off, one at a time per record.

It works on what is, not on what happened: a wake-up only says that a look may be worth while. A server may be killed
at any line of a reconcile and the next one starts it again from the record.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol, runtime_checkable

from sagewright.base.clock import Clock
from sagewright.base.errors import StaleRecord, Terminal, Transient
from sagewright.base.file_locks import FileLocks
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, fenced

_log = logging.getLogger(__name__)

LEASE = "controllers"
LEASE_SECONDS = 30.0
_LEASE_PAUSE = 0.2
"""Seconds until a look at a lease, or at a record that another server is at, is tried again."""
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.5, 60.0
_TRIES = 8
_FEW_STALE: Final = 1_000


class Reconciler(Protocol):
    """Makes one kind of record so."""

    @property
    def kind(self) -> str: ...

    @property
    def settled(self) -> Sequence[str]:
        """States in which a record needs no look when the server starts."""
        ...

    def reconcile(self, record: Record) -> float | None:
        """Do the next thing that is to be done. Returns in how many seconds to look again; None: when woken.

        Raises Transient to be called again after a while, Terminal to have `fail` called, StaleRecord to be called
        again at once. Called by one thread at a time per record.
        """
        ...

    def tasks(self, record: Record) -> Sequence[str]:
        """The ids of all tasks that may exist because of this record."""
        ...

    def fail(self, record: Record, reason: str) -> None:
        """Bring the record to its failed end with this reason."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A reconciler that keeps something about records in memory."""

    def forget(self, key: Key) -> None:
        """The record is gone. Called as `reconcile` is; there may be another one of the same key by now."""
        ...


class Loop:
    """A few threads that reconcile whatever is due."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        owner: str,
        workers: int = 8,
        seconds: float | None = None,
        lost: Callable[[], None] = lambda: None,
        locks: FileLocks | None = None,
    ) -> None:
        """`owner` is this server's name in the lease, the same after a restart on the same data; a lease lasts for
        `seconds` unless it is renewed. `lost` is called when another server has taken it. With `locks`, which the
        servers share, a record is looked at by one of them at a time, even if one of them slept and woke up late.
        """
        self._store, self._clock, self._owner = store, clock, owner
        self._seconds, self._lost, self._locks = seconds or LEASE_SECONDS, lost, locks
        self._held_until = 0.0
        """By the monotonic clock: from then on nothing new is begun unless the lease was renewed."""
        self._reconcilers: dict[str, Reconciler] = {}
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}
        self._queue: list[tuple[float, Key]] = []
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        """Woken while somebody was at it: looked at once more right after."""
        self._tries: dict[Key, int] = {}
        self._running = False
        self._ended = threading.Event()
        """For the lease's thread, which must not wait on `_changed`: it would swallow a worker's wake-up."""
        self._threads = [
            threading.Thread(target=self._work, name=f"controller-{number}", daemon=True) for number in range(workers)
        ]

    def add(self, reconciler: Reconciler) -> None:
        """Have records of its kind reconciled; before `start`."""
        self._reconcilers[reconciler.kind] = reconciler

    def start(self, *, sweep: Callable[[set[str]], None]) -> None:
        """Take the lease, look at everything that is not settled, and from now on at what changes.

        `sweep` is given the ids of all tasks that belong to a record, and removes the others. Raises Transient while
        another server holds the lease.
        """
        if not self._renew():
            raise Transient("Another server runs the controllers of this store.")
        self._running = True
        self._store.subscribe(self.wake)
        self._store.look_anew(self._look_anew)
        owned: set[str] = set()
        for reconciler in self._reconcilers.values():
            for record in self._store.unsettled(reconciler.kind, reconciler.settled):
                owned.update(reconciler.tasks(record))
                self.wake(record.key)
        sweep(owned)
        for thread in self._threads:
            thread.start()
        threading.Thread(target=self._hold_lease, name="controller-lease", daemon=True).start()

    def stop(self, *, timeout: float = 5.0) -> None:
        """Let the reconciles that run end, start no more. What they left is picked up by the next server."""
        with self._changed:
            self._running = False
            self._changed.notify_all()
        self._ended.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout)
        self._store.release(LEASE, self._owner)

    def wake(self, key: Key, delay: float = 0.0) -> None:
        """Look at a record in `delay` seconds, or earlier if it was due earlier. From any thread."""
        if key.kind not in self._reconcilers:
            return
        due = self._clock.monotonic() + delay
        with self._changed:
            if self._due.get(key, due + 1) > due:
                self._due[key] = due
                heapq.heappush(self._queue, (due, key))
                self._tidy()
                self._changed.notify()

    def _tidy(self) -> None:
        """Take looks out of the queue that were asked for earlier since: they may have been hours away."""
        if len(self._queue) > 2 * len(self._due) + _FEW_STALE:
            self._queue = [(due, key) for key, due in self._due.items()]
            heapq.heapify(self._queue)

    def _look_anew(self) -> None:
        """What other servers wrote may have gone unheard."""
        for reconciler in self._reconcilers.values() if self._running else ():
            for record in self._store.unsettled(reconciler.kind, reconciler.settled):
                self.wake(record.key)

    def _work(self) -> None:
        with fenced(LEASE, self._owner):
            self._work_off()

    def _work_off(self) -> None:
        while (key := self._next()) is not None:
            delay = self._step_alone(key)
            with self._changed:
                self._busy.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    delay = 0.0
            if delay is not None:
                self.wake(key, delay)

    def _next(self) -> Key | None:
        """The next record that is due and that nobody is at; None when the loop ends."""
        with self._changed:
            while self._running:
                if self._clock.monotonic() >= self._held_until:
                    self._changed.wait(_LEASE_PAUSE)
                    continue
                wait = None
                while self._queue:
                    due, key = self._queue[0]
                    wait = due - self._clock.monotonic()
                    if self._due.get(key) == due and wait > 0:
                        break
                    heapq.heappop(self._queue)
                    if self._due.get(key) != due:
                        continue  # an earlier look at it was asked for since
                    del self._due[key]
                    if key in self._busy:
                        self._again.add(key)
                        continue
                    self._busy.add(key)
                    return key
                self._changed.wait(wait if self._queue else None)
            return None

    def _step_alone(self, key: Key) -> float | None:
        if self._locks is None:
            return self._step(key)
        with self._locks.attempted("/".join(key)) as taken:
            return self._step(key) if taken else _LEASE_PAUSE

    def _step(self, key: Key) -> float | None:
        reconciler = self._reconcilers[key.kind]
        try:
            record = self._store.get(key)
            if record is None and isinstance(reconciler, Remembering):
                reconciler.forget(key)
            delay = reconciler.reconcile(record) if record is not None else None
        except StaleRecord:
            return 0.0
        except Terminal as error:
            return self._fail(reconciler, key, str(error))
        except Transient as error:
            return self._backoff(key, str(error))
        except Exception:  # noqa: BLE001 - the loop outlives every mistake below it
            _log.exception("%s %s: reconcile failed", key.kind, key.name)
            if self._tries.get(key, 0) >= _TRIES:
                return self._fail(reconciler, key, "InternalServerError: We encountered an internal error. Try again.")
            return self._backoff(key, "an unexpected error")
        self._tries.pop(key, None)
        return delay

    def _fail(self, reconciler: Reconciler, key: Key, reason: str) -> float | None:
        try:
            record = self._store.get(key)
            if record is not None:
                reconciler.fail(record, reason)
        except StaleRecord:
            return 0.0
        except Exception:  # noqa: BLE001 - as above
            _log.exception("%s %s: could not be failed", key.kind, key.name)
            return self._backoff(key, "an unexpected error")
        self._tries.pop(key, None)
        return None

    def _backoff(self, key: Key, why: str) -> float:
        tries = self._tries[key] = self._tries.get(key, 0) + 1
        delay = min(_FIRST_BACKOFF * float(2 ** (tries - 1)), _LONGEST_BACKOFF)
        _log.info("%s %s: %s Looking again in %.1f s.", key.kind, key.name, why, delay)
        return delay

    def _renew(self) -> bool:
        begun = self._clock.monotonic()
        held = self._store.acquire(LEASE, self._owner, ttl=self._seconds, now=self._clock.now())
        if held:
            self._held_until = begun + self._seconds
        return held

    def _hold_lease(self) -> None:
        while not self._ended.wait(self._seconds / 3):
            try:
                held = self._renew()
            except Exception:  # noqa: BLE001 - a full disk, say: the lease has not run out yet
                _log.exception("the lease could not be renewed")
                continue
            if not held:
                _log.error("another server took the controllers over; this one leaves them alone")
                with self._changed:
                    self._running = False
                    self._changed.notify_all()
                self._lost()
                return
