"""The law of `store/base.py` as tests. An implementation's test class inherits `StoreKit` and gives it a `store`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store

QUERY = Query("123456789012", "us-east-1", "thing")


def key(name: str, *, parent: str = "", kind: str = "thing", region: str = "us-east-1") -> Key:
    return Key("123456789012", region, kind, parent, name)


def record(name: str, *, at: float = 1.0, state: str = "", parent: str = "", kind: str = "thing") -> Record:
    spec = {"Name": name, "Nested": {"a": [1, 2.5, None, "ü"]}}
    return Record(key(name, parent=parent, kind=kind), f"uid-{name}-{at}", at, at, spec=spec, state=state)


def names(store: Store, query: Query, *, limit: int = 100) -> list[str]:
    """All names that a query gives, page by page."""
    found: list[str] = []
    after = None
    while True:
        page = store.list(query, limit=limit, after=after)
        found += [each.name for each in page.records]
        after = page.next
        if after is None:
            return found


class StoreKit:
    """Inherit it, and define a fixture `store` that gives an empty store."""

    @pytest.fixture
    def store(self) -> Store | Iterator[Store]:
        raise NotImplementedError

    # Versions.

    def test_what_was_created_is_read_back_at_version_one(self, store: Store) -> None:
        created = store.create(record("a"))
        assert created.version == 1
        assert store.get(key("a")) == created

    def test_nothing_is_read_where_nothing_is(self, store: Store) -> None:
        assert store.get(key("a")) is None

    def test_creating_twice_is_refused(self, store: Store) -> None:
        store.create(record("a"))
        with pytest.raises(AlreadyExists):
            store.create(record("a"))

    def test_an_update_counts_the_version(self, store: Store) -> None:
        created = store.create(record("a"))
        updated = store.update(replace(created, state="Done"))
        assert (updated.version, updated.state) == (2, "Done")
        assert store.get(key("a")) == updated

    def test_a_stale_update_is_refused_and_changes_nothing(self, store: Store) -> None:
        created = store.create(record("a"))
        updated = store.update(replace(created, state="one"))
        with pytest.raises(StaleRecord):
            store.update(replace(created, state="two"))
        assert store.get(key("a")) == updated

    def test_an_update_of_an_earlier_record_of_the_name_is_refused(self, store: Store) -> None:
        old = store.create(record("a", at=1.0))
        store.delete(old)
        store.create(record("a", at=2.0))
        with pytest.raises(StaleRecord):
            store.update(replace(old, state="late"))

    def test_deleting_needs_the_newest_version(self, store: Store) -> None:
        created = store.create(record("a"))
        updated = store.update(replace(created, state="one"))
        with pytest.raises(StaleRecord):
            store.delete(created)
        store.delete(updated)
        assert store.get(key("a")) is None

    def test_several_writes_happen_together_or_not_at_all(self, store: Store) -> None:
        store.create(record("taken"))
        with pytest.raises(AlreadyExists):
            store.write([("create", record("free")), ("create", record("taken"))])
        assert store.get(key("free")) is None

    def test_amend_tries_again_when_somebody_wrote_in_between(self, store: Store) -> None:
        store.create(record("a"))
        interfered: list[Record] = []

        def change(now: Record) -> Record:
            if not interfered:
                interfered.append(store.update(replace(now, state="theirs")))
            return replace(now, tags={"mine": "yes"})

        amended = store.amend(key("a"), change)
        assert amended is not None
        assert (amended.state, amended.tags) == ("theirs", {"mine": "yes"})

    def test_amend_of_nothing_is_nothing(self, store: Store) -> None:
        assert store.amend(key("a"), lambda now: now) is None

    def test_changing_what_was_handed_in_changes_nothing(self, store: Store) -> None:
        spec = {"Name": "a"}
        store.create(replace(record("a"), spec=spec))
        spec["Name"] = "b"
        read = store.get(key("a"))
        assert read is not None
        assert read.spec == {"Name": "a"}

    def test_concurrent_amends_lose_no_write(self, store: Store) -> None:
        store.create(replace(record("a"), status={"count": 0}))

        def count() -> None:
            for _ in range(20):
                store.amend(key("a"), lambda now: replace(now, status={"count": now.status["count"] + 1}), tries=10_000)

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        read = store.get(key("a"))
        assert read is not None
        assert read.status["count"] == 80

    # Listings.

    def test_a_listing_has_only_its_kind_and_place(self, store: Store) -> None:
        store.create(record("a"))
        store.create(record("b", kind="other"))
        store.create(replace(record("c"), key=key("c", region="eu-west-1")))
        assert names(store, QUERY) == ["a"]

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_pages_hold_every_record_once_also_at_equal_times(self, store: Store, descending: bool, limit: int) -> None:
        for index in range(7):
            store.create(record(f"r{index}", at=float(index // 3)))
        query = replace(QUERY, sort_by="created", descending=descending)
        expected = [f"r{index}" for index in range(7)]
        assert names(store, query, limit=limit) == (expected[::-1] if descending else expected)

    def test_a_page_goes_on_where_it_ended_although_records_came_and_went(self, store: Store) -> None:
        made = [store.create(record(name)) for name in "bdf"]
        first = store.list(QUERY, limit=2)
        store.delete(made[0])
        store.create(record("a"))
        store.create(record("e"))
        second = store.list(QUERY, limit=2, after=first.next)
        assert [each.name for each in second.records] == ["e", "f"]

    def test_a_token_of_another_order_is_refused(self, store: Store) -> None:
        for name in "ab":
            store.create(record(name))
        token = store.list(QUERY, limit=1).next
        for query, after in ((replace(QUERY, sort_by="created"), token), (QUERY, "bm9uc2Vuc2U="), (QUERY, "%")):
            with pytest.raises(ValueError, match="token"):
                store.list(query, limit=1, after=after)

    def test_filters_are_joined(self, store: Store) -> None:
        for index, state in enumerate(("on", "off", "on")):
            store.create(record(f"Thing{index}", at=float(index), state=state))
        assert names(store, replace(QUERY, states=("on",))) == ["Thing0", "Thing2"]
        assert names(store, replace(QUERY, states=("on",), created_after=0.5)) == ["Thing2"]
        assert names(store, replace(QUERY, modified_before=0.5)) == ["Thing0"]
        assert names(store, replace(QUERY, name_contains="hing1")) == ["Thing1"]
        assert names(store, replace(QUERY, name_contains="THING")) == ["Thing0", "Thing1", "Thing2"]
        assert names(store, replace(QUERY, name_contains="%")) == []
        assert names(store, replace(QUERY, name_contains="_")) == []

    def test_prefixes_follow_code_points_and_case(self, store: Store) -> None:
        for name in ("a", "a/b", "a0", "A/b", "aé", "a\U0001f600", "a\U0010ffff", "b"):
            store.create(record(name, parent="bucket"))
        query = replace(QUERY, parent="bucket", name_prefix="a")
        assert names(store, query) == ["a", "a/b", "a0", "aé", "a\U0001f600", "a\U0010ffff"]
        assert names(store, replace(query, name_after="a/b")) == ["a0", "aé", "a\U0001f600", "a\U0010ffff"]

    def test_parents_keep_children_apart(self, store: Store) -> None:
        store.create(record("x", parent="p"))
        store.create(record("x", parent="q"))
        assert store.count(QUERY) == 2
        assert store.count(replace(QUERY, parent="p")) == 1

    def test_unsettled_are_the_unfinished_and_those_with_a_wish(self, store: Store) -> None:
        store.create(record("done", state="Done"))
        store.create(record("going", state="Going"))
        store.create(replace(record("leaving", state="Done"), intent="delete"))
        assert sorted(each.name for each in store.unsettled("thing", ("Done",))) == ["going", "leaving"]

    # Leases and wake-ups.

    def test_a_lease_has_one_owner_until_it_runs_out(self, store: Store) -> None:
        assert store.acquire("l", "one", ttl=10, now=0)
        assert not store.acquire("l", "two", ttl=10, now=9)
        assert store.acquire("l", "one", ttl=10, now=9)
        assert not store.acquire("l", "two", ttl=10, now=11)
        assert store.acquire("l", "two", ttl=10, now=20)

    def test_a_lease_that_was_given_back_is_free(self, store: Store) -> None:
        assert store.acquire("l", "one", ttl=10, now=0)
        store.release("l", "two")
        assert not store.acquire("l", "two", ttl=10, now=1)
        store.release("l", "one")
        assert store.acquire("l", "two", ttl=10, now=1)

    def test_writes_are_announced_after_they_happened(self, store: Store) -> None:
        heard: list[tuple[Key, bool]] = []
        store.subscribe(lambda changed: heard.append((changed, store.get(changed) is not None)))
        created = store.create(record("a"))
        store.delete(created)
        assert heard == [(key("a"), True), (key("a"), False)]
