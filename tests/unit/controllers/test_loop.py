"""The loop: what is due is looked at, by one thread at a time, until it is done; and nothing stops the loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sagewright.base.clock import SystemClock
from sagewright.base.errors import StaleRecord, Terminal, Transient
from sagewright.base.file_locks import FileLocks
from sagewright.controllers import loop as loop_module
from sagewright.controllers.leading import Leading
from sagewright.controllers.loop import LEASE, LEASE_SECONDS, Loop
from sagewright.resources.record import Key, Record
from sagewright.store.base import LeaseLost
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock

KEY = Key("1", "r", "thing", "", "a")


class Things:
    """A reconciler that does as it is told."""

    kind = "thing"
    settled = ("done",)

    def __init__(self) -> None:
        self.looks: list[str] = []
        self.failed: list[str] = []
        self.what: Callable[[Record], float | None] = lambda _record: None
        self.failing: Callable[[], None] = lambda: None

    def reconcile(self, record: Record) -> float | None:
        self.looks.append(record.name)
        return self.what(record)

    def tasks(self, record: Record) -> Sequence[str]:
        return [f"task-{record.name}"]

    def fail(self, record: Record, reason: str) -> None:
        self.failing()
        self.failed.append(reason)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.create(thing("a"))
    return store


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
def still(store: MemoryStore, things: Things) -> Loop:
    """A loop without threads, on a clock that stands still: for one step at a time."""
    loop = Loop(store, clock=ManualClock(), owner="me", workers=0)
    loop.add(things)
    return loop


@pytest.fixture
def live(store: MemoryStore, things: Things) -> Iterator[Loop]:
    """A loop as the server has it."""
    loop = Loop(store, clock=SystemClock(), owner="me", workers=4)
    loop.add(things)
    yield loop
    loop.stop()


def thing(name: str, state: str = "", intent: str = "run") -> Record:
    return Record(KEY._replace(name=name), name, 0.0, 0.0, state=state, intent=intent)


def raises(error: Exception) -> Callable[[Record], float | None]:
    def what(_record: Record) -> float | None:
        raise error

    return what


def ignored(_tasks: set[str]) -> None:
    pass


class Signal:
    """Set by a thread of the loop, waited for by the test."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> None:
        self._event.set()

    def wait(self) -> None:
        assert self._event.wait(60)


# What one look may lead to.


def test_a_look_says_when_the_next_one_is_due(still: Loop, things: Things) -> None:
    things.what = lambda _record: 2.5
    assert still._step(KEY) == 2.5
    things.what = lambda _record: None
    assert still._step(KEY) is None


def test_a_record_that_is_gone_needs_no_look(still: Loop, things: Things) -> None:
    assert still._step(KEY._replace(name="gone")) is None
    assert things.looks == []


def test_who_remembers_records_is_told_that_one_is_gone(store: MemoryStore) -> None:
    class Remembering(Things):
        def __init__(self) -> None:
            super().__init__()
            self.gone: list[Key] = []

        def forget(self, key: Key) -> None:
            self.gone.append(key)

    things, loop = Remembering(), Loop(store, clock=ManualClock(), owner="me", workers=0)
    loop.add(things)
    loop._step(KEY)
    assert things.gone == []
    loop._step(KEY._replace(name="gone"))
    assert things.gone == [KEY._replace(name="gone")]


def test_looks_that_became_due_earlier_do_not_pile_up(still: Loop) -> None:
    for number in range(10_000):
        still.wake(KEY, 86_400.0 - number)
    assert len(still._queue) < 2_000
    still.wake(KEY._replace(name="b"), 1.0)
    assert still._queue[0][1].name == "b"


def test_a_stale_write_is_tried_again_at_once(still: Loop, things: Things) -> None:
    things.what = raises(StaleRecord())
    assert still._step(KEY) == 0.0
    assert things.failed == []


def test_what_trying_again_does_not_help_fails_with_its_reason(still: Loop, things: Things) -> None:
    things.what = raises(Terminal("The bucket is gone."))
    assert still._step(KEY) is None
    assert things.failed == ["The bucket is gone."]


def test_a_failure_that_somebody_wrote_under_is_tried_again(still: Loop, things: Things) -> None:
    things.what = raises(Terminal("No."))

    def stale() -> None:
        raise StaleRecord

    things.failing = stale
    assert still._step(KEY) == 0.0


def test_what_may_pass_is_waited_for_longer_each_time(still: Loop, things: Things) -> None:
    things.what = raises(Transient("The disk is full."))
    delays = [still._step(KEY) for _ in range(9)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    things.what = lambda _record: None
    still._step(KEY)
    things.what = raises(Transient("The disk is full."))
    assert still._step(KEY) == 0.5, "a look that went well ends the waiting"


def test_a_mistake_of_ours_fails_the_record_in_the_end(
    still: Loop, things: Things, caplog: pytest.LogCaptureFixture
) -> None:
    things.what = raises(ZeroDivisionError())
    for _ in range(8):
        assert still._step(KEY) is not None
    assert things.failed == []
    assert still._step(KEY) is None
    assert things.failed == ["InternalServerError: We encountered an internal error. Try again."]
    assert "ZeroDivisionError" in caplog.text


def test_a_record_that_cannot_even_be_failed_is_tried_again(still: Loop, things: Things) -> None:
    things.what = raises(Terminal("No."))

    def broken() -> None:
        raise ZeroDivisionError

    things.failing = broken
    assert still._step(KEY) == 0.5
    assert still._step(KEY) == 1.0
    things.failing = lambda: None
    assert still._step(KEY) is None


def test_a_store_that_fails_is_asked_again(
    still: Loop, things: Things, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_key: Key) -> Record | None:
        raise OSError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(store, "get", fails)
        assert still._step(KEY) == 0.5
    assert still._step(KEY) is None
    assert things.looks == ["a"]


# Threads.


def test_at_the_start_everything_unsettled_is_looked_at(store: MemoryStore, things: Things, live: Loop) -> None:
    store.create(thing("b", "done"))
    store.create(thing("c", "done", "delete"))
    seen = Signal()
    swept: list[set[str]] = []
    things.what = lambda _record: seen() if len(things.looks) == 2 else None
    live.start(sweep=swept.append)
    seen.wait()
    assert sorted(things.looks) == ["a", "c"]
    assert swept == [{"task-a", "task-c"}]


def test_every_write_is_looked_at_and_others_are_not(store: MemoryStore, things: Things, live: Loop) -> None:
    live.start(sweep=ignored)
    seen = Signal()
    things.what = lambda record: seen() if record.name == "b" else None
    store.create(replace(thing("x"), key=KEY._replace(kind="other")))
    store.create(thing("b"))
    seen.wait()
    assert set(things.looks) <= {"a", "b"}


def test_a_record_is_looked_at_by_one_thread_at_a_time_and_once_more_if_woken(things: Things, live: Loop) -> None:
    inside, leave, again = Signal(), Signal(), Signal()

    def first(_record: Record) -> None:
        things.what = second
        inside()
        leave.wait()
        assert things.looks == ["a"]

    def second(_record: Record) -> None:
        again()

    things.what = first
    live.start(sweep=ignored)
    inside.wait()
    for _ in range(3):
        live.wake(KEY)
    leave()
    again.wait()


def test_an_earlier_wake_up_is_not_lost_behind_a_later_one(things: Things, live: Loop) -> None:
    first, second = Signal(), Signal()

    def what(_record: Record) -> float | None:
        if len(things.looks) > 1:
            second()
            return None
        first()
        return 3600.0

    things.what = what
    live.start(sweep=ignored)
    first.wait()
    live.wake(KEY, 0.01)
    second.wait()


def test_the_loop_outlives_every_mistake(
    store: MemoryStore, things: Things, live: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    broken = threading.Semaphore(0)

    def breaks(_record: Record) -> float | None:
        broken.release()
        raise ZeroDivisionError

    things.what = breaks
    live.start(sweep=ignored)
    for number in range(8):
        store.create(thing(f"b{number}"))
    for _ in range(9):
        assert broken.acquire(timeout=60)
    seen = Signal()
    things.what = lambda record: seen() if record.name == "good" else None
    store.create(thing("good"))
    seen.wait()


def test_a_stopped_loop_lets_go_of_its_lease(store: MemoryStore, things: Things, live: Loop) -> None:
    live.start(sweep=ignored)
    other = Loop(store, clock=SystemClock(), owner="other", workers=1)
    with pytest.raises(Transient, match="Another server"):
        other.start(sweep=ignored)
    live.stop()
    looks = len(things.looks)
    other.start(sweep=ignored)
    other.stop()
    store.create(thing("late"))
    assert len(things.looks) == looks


def test_a_loop_whose_lease_was_taken_leaves_the_records_alone(
    store: MemoryStore, things: Things, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop_module, "LEASE_SECONDS", 0.03)
    loop = Loop(store, clock=SystemClock(), owner="me", workers=2)
    loop.add(things)
    failed = Signal()
    acquire = store.acquire

    def fails_once(name: str, owner: str, *, ttl: float, now: float) -> bool:
        monkeypatch.setattr(store, "acquire", acquire)
        failed()
        raise OSError("disk I/O error")

    loop.start(sweep=ignored)
    monkeypatch.setattr(store, "acquire", fails_once)
    failed.wait()
    assert store.acquire(LEASE, "me", ttl=1, now=0), "one failure loses nothing"
    far = SystemClock().now() + 2 * LEASE_SECONDS
    assert store.acquire(LEASE, "other", ttl=3600, now=far)
    for thread in loop._threads:
        thread.join(60)
        assert not thread.is_alive()
    loop.stop()


def test_a_record_that_another_server_is_at_waits(store: MemoryStore, things: Things, tmp_path: Path) -> None:
    locks, seen = FileLocks(tmp_path), {"a": Signal(), "x": Signal(), "free": Signal()}
    loop = Loop(store, clock=SystemClock(), owner="me", workers=2, locks=locks)
    loop.add(things)
    things.what = lambda record: seen[record.name]()
    with locks.held("/".join(thing("x").key)):
        loop.start(sweep=ignored)
        store.create(thing("x"))
        store.create(thing("free"))
        seen["free"].wait()
        assert "x" not in things.looks
    seen["x"].wait()
    loop.stop()


def test_who_lost_the_lease_writes_nothing_and_says_so(store: MemoryStore, things: Things) -> None:
    lost, refused = Signal(), Signal()
    loop = Loop(store, clock=SystemClock(), owner="me", workers=1, seconds=0.3, lost=lost)
    loop.add(things)

    def late(record: Record) -> float | None:
        """It sleeps for longer than its lease lasts."""
        if record.name != "x":
            return None
        far = SystemClock().now() + 2 * LEASE_SECONDS
        assert store.acquire(LEASE, "other", ttl=3600, now=far)
        try:
            store.update(record)
        except LeaseLost:
            refused()
        return None

    things.what = late
    loop.start(sweep=ignored)
    store.create(thing("x"))
    refused.wait()
    lost.wait()
    loop.stop()


def test_a_server_that_waits_takes_over(store: MemoryStore, things: Things) -> None:
    clock, began = SystemClock(), {"one": Signal(), "other": Signal()}

    def server(owner: str) -> Leading:
        def begin() -> list[Loop]:
            loop = Loop(store, clock=clock, owner=owner, workers=1)
            loop.start(sweep=ignored)
            began[owner]()
            return [loop]

        return Leading(store, clock, owner=owner, begin=begin, waits=True)

    one, other = server("one"), server("other")
    one.start()
    other.start()
    began["one"].wait()
    assert (one.leads, other.leads) == (True, False)
    one.stop()
    began["other"].wait()
    assert store.holder(LEASE, now=clock.now()) == "other"
    other.stop()
    assert store.holder(LEASE, now=clock.now()) is None
