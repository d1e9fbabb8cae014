"""Quotas are kept to, whoever comes at once and whatever has ended meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from sagewright.base.errors import StaleRecord
from sagewright.dataplane.quotas import use
from sagewright.resources import quota
from sagewright.resources.owner import OWNER
from sagewright.resources.record import Key, Record
from sagewright.store.base import attempts
from sagewright.store.memory import MemoryStore

NAME = "ml.m5.large for training job usage"
ANN = "arn:aws:iam::1:user/ann"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def limit(store: MemoryStore, value: float, user: str = "") -> Key:
    key = quota.key_of("1", "r", NAME, user)
    store.create(Record(key, "q", 0, 0, {"Value": value}))
    return key


def job(name: str, count: int = 1, user: str = ANN, **spec: Any) -> Record:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": count}
    key = Key("1", "r", "training-job", "", name)
    told = {"ResourceConfig": resources, **spec}
    return Record(key, f"uid-{name}", 0, 0, told, {OWNER: user}, state="InProgress")


def create(store: MemoryStore, record: Record) -> Record:
    for _ in attempts():
        try:
            return store.write([("create", record), *use.taken(store, record)])[0]
        except StaleRecord:
            continue
    raise AssertionError


def used(store: MemoryStore, key: Key) -> int:
    found = store.get(key)
    assert found is not None
    return use.in_use(store, found)


def test_what_nobody_limits_costs_no_write(store: MemoryStore) -> None:
    assert use.taken(store, job("one", 1000)) == []


def test_instances_count_and_what_is_beyond_is_refused(store: MemoryStore) -> None:
    key = limit(store, 3)
    create(store, job("one", 2))
    with pytest.raises(use.Exceeded, match=r"is 3 Instances, with current utilization of 2 .* delta of 2 Instances"):
        create(store, job("two", 2))
    create(store, job("three"))
    assert used(store, key) == 3


def test_what_ended_counts_no_more_also_when_its_name_came_again(store: MemoryStore) -> None:
    key = limit(store, 2)
    one, two = create(store, job("one")), create(store, job("two"))
    store.update(replace(one, state="Completed"))
    store.delete(two)
    again = replace(job("two"), uid="another")
    create(store, again)
    create(store, job("three"))
    assert used(store, key) == 2


def test_what_ran_before_the_quota_was_set_counts(store: MemoryStore) -> None:
    store.create(job("before", 2))
    key = limit(store, 2)
    assert used(store, key) == 2
    with pytest.raises(use.Exceeded):
        create(store, job("after"))


def test_many_at_once_take_no_more_than_there_is(store: MemoryStore) -> None:
    key = limit(store, 5)

    def attempt(number: int) -> bool:
        try:
            create(store, job(f"job-{number}"))
        except use.Exceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(attempt, range(40)))
    assert sum(made) == 5
    assert used(store, key) == 5


def test_a_user_may_have_less_than_the_account(store: MemoryStore) -> None:
    limit(store, 5)
    limit(store, 1, ANN)
    create(store, job("hers"))
    with pytest.raises(use.Exceeded, match=rf"service limit of {ANN} 'ml\.m5\.large"):
        create(store, job("more"))
    create(store, job("others", 4, user="arn:aws:iam::1:user/bob"))
    with pytest.raises(use.Exceeded, match="account-level"):
        create(store, job("fifth", user="arn:aws:iam::1:user/bob"))


def test_spot_and_groups_count_as_what_they_are(store: MemoryStore) -> None:
    groups = [{"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 2},
              {"InstanceGroupName": "b", "InstanceType": "ml.c5.large", "InstanceCount": 1}]  # fmt: skip
    record = job("one", EnableManagedSpotTraining=True, ResourceConfig={"InstanceGroups": groups})
    assert quota.used_by(record) == {
        "ml.m5.large for spot training job usage": 2,
        "ml.c5.large for spot training job usage": 1,
    }


def test_an_endpoint_that_changes_counts_as_what_it_is_to_be(store: MemoryStore) -> None:
    name = quota.name_of("ml.m5.large", quota.ENDPOINT)
    key = quota.key_of("1", "r", name)
    store.create(Record(key, "q", 0, 0, {"Value": 3.0}))

    def sized(count: int) -> dict[str, Any]:
        variant = {"VariantName": "a", "InstanceType": "ml.m5.large", "InitialInstanceCount": count}
        return {"config": {"ProductionVariants": [variant]}}

    made = create(store, Record(Key("1", "r", "endpoint", "", "e"), "uid-e", 0, 0, sized(2), state="InService"))
    larger = replace(made, spec=sized(3))
    store.write([("update", larger), *use.taken(store, larger)])
    with pytest.raises(use.Exceeded, match="utilization of 3 Instances and a request delta of 1 "):
        use.taken(store, replace(made, spec=sized(4)))
    assert use.taken(store, replace(made, spec=sized(1))), "less is always allowed"
