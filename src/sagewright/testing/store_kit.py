"""The law of `store/base.py` as tests. An implementation's test class inherits `StoreKit` and gives it a `store`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.resources.record import Key, Record
from sagewright.store.base import LeaseLost, Query, Store, fenced
from sagewright.store.cursor import ORDERS, position
from sagewright.store.memory import matches

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


def _any_record(chance: Random, number: int) -> Record:
    name = "".join(chance.choice("abAB-é") for _ in range(chance.randint(1, 6))) + f"-{number}"
    place = key(name, parent=chance.choice(("", "p", "q")), region=chance.choice(("us-east-1", "us-east-1", "")))
    facets = {"Domain": chance.choice(("d-1", "d-2")), "Owner": chance.choice(("", "ada", "bob"))}
    made = record(name, at=float(chance.randint(0, 9)), state=chance.choice(("", "on", "off")))
    return replace(made, key=place, facets=facets, modified=float(chance.randint(0, 9)))


def _any_query(chance: Random) -> Query:
    def sometimes(*values: object) -> object:
        return chance.choice((None, None, *values))

    filters = {
        "parent": sometimes("p", ""),
        "name_contains": sometimes("a", "ab", "Aba", "aaa", "-1", "é-2"),
        "name_prefix": sometimes("a", "Ab"),
        "name_after": sometimes("A", "b"),
        "states": sometimes(("on",), ("on", "off"), ("",)),
        "created_after": sometimes(3.0),
        "created_before": sometimes(7.0),
        "modified_after": sometimes(2.0),
        "modified_before": sometimes(8.0),
    }
    few = dict(chance.sample(sorted(filters.items(), key=lambda item: item[0]), chance.randint(0, 4)))
    return replace(
        QUERY,
        region=chance.choice(("us-east-1", "us-east-1", "")),
        facets=chance.choice(({}, {}, {"Owner": "ada"}, {"Owner": "", "Domain": "d-2"})),
        sort_by=chance.choice(tuple(ORDERS)),
        descending=chance.random() < 0.5,
        **few,  # type: ignore[arg-type]
    )


class StoreKit:
    """Inherit it, and define a fixture `store` that gives an empty store."""

    @pytest.fixture
    def store(self) -> Store | Iterator[Store]:
        raise NotImplementedError

    def unwritable(self, name: str) -> Record:
        """A record that the store cannot take."""
        return replace(record(name), spec={"half a character": "\ud800"})

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
                store.amend(key("a"), lambda now: replace(now, status={"count": now.status["count"] + 1}))

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

    def test_every_record_is_given_however_many_there_are(self, store: Store) -> None:
        store.write([("create", record(f"n{number:03}")) for number in range(401)])
        assert [each.name for each in store.every(QUERY)] == [f"n{number:03}" for number in range(401)]
        after = store.list(QUERY, limit=2).next
        assert next(store.every(QUERY, after=after)).name == "n002"
        assert list(store.every(replace(QUERY, kind="another"))) == []

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

    # Facets.

    def test_facets_find_what_has_them_in_every_order_and_page(self, store: Store) -> None:
        for index in range(6):
            facets = {"Domain": f"d-{index % 2}", "Owner": "ada" if index < 4 else ""}
            store.create(replace(record(f"r{index}", at=float(index)), facets=facets))
        for sort_by in ORDERS:
            for descending in (False, True):
                query = replace(QUERY, sort_by=sort_by, descending=descending, facets={"Domain": "d-0"})
                expected = ["r0", "r2", "r4"]
                assert names(store, query, limit=1) == (expected[::-1] if descending else expected)
        both = replace(QUERY, facets={"Domain": "d-1", "Owner": "ada"})
        assert names(store, both) == ["r1", "r3"]
        assert names(store, replace(both, created_after=1.0)) == ["r3"]
        assert names(store, replace(QUERY, facets={"Owner": ""})) == ["r4", "r5"]
        assert names(store, replace(QUERY, facets={"Owner": "bob"})) == []
        assert store.count(both) == 2

    def test_a_facet_is_found_by_its_new_value_and_no_longer_by_the_old(self, store: Store) -> None:
        created = store.create(replace(record("a"), facets={"Owner": "ada", "Domain": "d"}))
        store.update(replace(created, facets={"Owner": "bob", "Domain": "d"}))
        assert names(store, replace(QUERY, facets={"Owner": "ada"})) == []
        assert names(store, replace(QUERY, facets={"Owner": "bob", "Domain": "d"})) == ["a"]

    def test_what_is_deleted_has_no_facets_left(self, store: Store) -> None:
        created = store.create(replace(record("a"), facets={"Owner": "ada"}))
        store.delete(replace(created, facets={"Owner": "somebody else"}))
        store.create(replace(record("a", at=2.0), facets={"Owner": "bob"}))
        assert names(store, replace(QUERY, facets={"Owner": "ada"})) == []
        assert names(store, replace(QUERY, facets={"Owner": "bob"})) == ["a"]

    def test_a_stale_write_leaves_the_facets_as_they_are(self, store: Store) -> None:
        created = store.create(replace(record("a"), facets={"Owner": "ada"}))
        store.update(replace(created, facets={"Owner": "bob"}))
        with pytest.raises(StaleRecord):
            store.update(replace(created, facets={"Owner": "eve"}))
        assert names(store, replace(QUERY, facets={"Owner": "bob"})) == ["a"]
        assert names(store, replace(QUERY, facets={"Owner": "eve"})) == []

    def test_facets_may_be_long_and_in_any_language(self, store: Store) -> None:
        for index, value in enumerate(("x" * 2048, "x" * 2047 + "y", "ключ", "%_'\"")):
            store.create(replace(record(f"r{index}"), facets={"Of": value}))
            assert names(store, replace(QUERY, facets={"Of": value})) == [f"r{index}"]

    # Names.

    def test_a_name_is_found_in_any_case(self, store: Store) -> None:
        for name in ("Churn-A", "churn-a", "CHURN-A", "churn-ab"):
            store.create(record(name))
        store.create(replace(record("Nowhere"), key=key("Nowhere", region="")))
        query = replace(QUERY, name_ignoring_case="cHurn-a")
        assert names(store, query) == ["CHURN-A", "Churn-A", "churn-a"]
        assert names(store, replace(query, descending=True), limit=1) == ["churn-a", "Churn-A", "CHURN-A"]
        assert store.count(query) == 3
        assert names(store, replace(query, name_ignoring_case="churn")) == []
        assert names(store, replace(query, region="", name_ignoring_case="nowhere")) == ["Nowhere"]

    def test_only_ascii_letters_have_two_cases(self, store: Store) -> None:
        for name in ("Été-1", "été-2", "ETE-3"):
            store.create(record(name))
        assert names(store, replace(QUERY, name_contains="té-")) == ["Été-1", "été-2"]
        assert names(store, replace(QUERY, name_contains="Té-")) == ["Été-1", "été-2"]
        assert names(store, replace(QUERY, name_contains="TÉ-")) == []

    def test_what_was_deleted_is_not_found_by_its_name(self, store: Store) -> None:
        store.delete(store.create(record("needle-1")))
        store.create(record("hay"))
        store.create(record("needle-2"))
        assert names(store, replace(QUERY, name_contains="needle")) == ["needle-2"]

    def test_long_names_are_kept_whole_and_in_order(self, store: Store) -> None:
        long = ["é" * 512, "x" * 1023 + "a", "x" * 1023 + "b", "x" * 1024 + "c"]
        for name in long:
            store.create(record(name, parent="b" * 63))
        query = replace(QUERY, parent="b" * 63)
        assert names(store, query, limit=1) == sorted(long)
        assert names(store, replace(query, name_prefix="x" * 1023)) == long[1:]

    def test_names_hold_any_character(self, store: Store) -> None:
        odd = ["a\x00b", "a\x01", "a\x01\x01", "a\x02", "a b", "a\\", 'a"', "a'", "a;--", "\U0001f600"]
        for name in odd:
            store.create(record(name, parent=name))
        assert names(store, QUERY, limit=2) == sorted(odd)
        for name in odd:
            found = store.get(key(name, parent=name))
            assert found is not None
            assert found.spec["Name"] == name
            assert names(store, replace(QUERY, parent=name)) == [name]
        assert names(store, replace(QUERY, name_prefix="a\x01")) == ["a\x01", "a\x01\x01"]

    def test_every_listing_is_what_reading_all_records_gives(self, store: Store) -> None:
        chance = Random(7)  # noqa: S311 - the same records every time
        made = [store.create(_any_record(chance, number)) for number in range(120)]
        for gone in made[::10]:
            store.delete(gone)
        kept = [each for each in made if each not in made[::10]]
        for _ in range(150):
            query = _any_query(chance)
            expected = sorted(
                (each for each in kept if matches(each, query)),
                key=lambda each: position(each, query.sort_by),
                reverse=query.descending,
            )
            assert names(store, query, limit=chance.choice((1, 3, 50))) == [each.name for each in expected], query
            assert store.count(query) == len(expected)

    # While others write.

    def test_a_page_by_page_reading_misses_nothing_that_was_there_all_along(self, store: Store) -> None:
        for index in range(60):
            store.create(record(f"stays-{index:02d}"))
        done = threading.Event()

        def come_and_go() -> None:
            number = 0
            while not done.is_set():
                made = store.create(record(f"stays-{number % 60:02d}-not", at=float(number)))
                store.delete(made)
                number += 1

        writer = threading.Thread(target=come_and_go)
        writer.start()
        try:
            for _ in range(5):
                seen = names(store, QUERY, limit=7)
                assert [name for name in seen if not name.endswith("-not")] == [f"stays-{n:02d}" for n in range(60)]
                assert len(seen) == len(set(seen))
        finally:
            done.set()
            writer.join()

    def test_of_many_who_create_one_thing_one_does(self, store: Store) -> None:
        outcomes: list[str] = []

        def create(number: int) -> None:
            for round_ in range(10):
                try:
                    store.write([("create", record(f"r{round_}")), ("create", record(f"r{round_}-{number}"))])
                    outcomes.append(f"r{round_}-{number}")
                except AlreadyExists:
                    assert store.get(key(f"r{round_}-{number}")) is None

        threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 10
        assert names(store, QUERY) == sorted([*(f"r{n}" for n in range(10)), *outcomes])

    def test_a_write_that_cannot_be_done_disturbs_nobody_else(self, store: Store) -> None:
        refused: list[str] = []

        def write(number: int) -> None:
            for round_ in range(20):
                store.create(record(f"r{number}-{round_}"))
                try:
                    store.create(self.unwritable(f"bad{number}"))
                except (TypeError, ValueError):
                    refused.append("half a character")

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(names(store, QUERY)) == 80
        assert len(refused) == 80

    def test_unsettled_are_found_in_every_place(self, store: Store) -> None:
        for region in ("", "eu-west-1", "us-east-1"):
            for account in ("000000000001", "123456789012"):
                for state in ("Done", "Going", ""):
                    place = Key(account, region, "thing", "", f"r-{state}")
                    store.create(replace(record("r", state=state), key=place))
        found = store.unsettled("thing", ("Done", ""))
        assert {each.state for each in found} == {"Going"}
        assert len({each.key for each in found}) == len(found) == 6
        assert len(store.unsettled("thing", ())) == 18

    # Leases and wake-ups.

    def test_a_lease_has_one_owner_until_it_runs_out(self, store: Store) -> None:
        assert store.acquire("l", "one", ttl=10, now=0)
        assert not store.acquire("l", "two", ttl=10, now=9)
        assert store.acquire("l", "one", ttl=10, now=9)
        assert not store.acquire("l", "two", ttl=10, now=11)
        assert store.acquire("l", "two", ttl=10, now=20)

    def test_a_lease_names_its_holder(self, store: Store) -> None:
        assert store.holder("l", now=0) is None
        store.acquire("l", "one", ttl=10, now=0)
        assert (store.holder("l", now=9), store.holder("l", now=10)) == ("one", None)

    def test_who_lost_its_lease_writes_nothing(self, store: Store) -> None:
        store.acquire("l", "one", ttl=10, now=0)
        with fenced("l", "one"):
            written = store.create(record("a"))
            store.acquire("l", "two", ttl=10, now=20)
            with pytest.raises(LeaseLost):
                store.write([("update", written), ("create", record("b"))])
            store.release("l", "two")
            with pytest.raises(LeaseLost):
                store.create(record("b"))
        assert store.get(key("b")) is None
        assert store.get(key("a")) == written
        store.create(record("b"))

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
