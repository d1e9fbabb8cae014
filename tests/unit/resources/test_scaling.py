"""What can be scaled: where its capacity is, how it is changed, and who is called by an ARN."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.base.errors import InvalidTransition
from sagewright.resources.record import Key, Record
from sagewright.resources.scaling import (
    TARGET,
    Capacity,
    belongings,
    bounded,
    is_policy,
    place,
    policies_named,
    target_of,
)

INSTANCES, CONCURRENCY = "sagemaker:variant:DesiredInstanceCount", "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"


def target(dimension: str = INSTANCES, resource: str = "endpoint/e/variant/v") -> Key:
    return Key("1", "r", TARGET, resource, dimension)


def endpoint(settings: Any, told: Any = (), **config: Any) -> Record:
    spec = {"config": {"ProductionVariants": [{"VariantName": "v", **settings}], **config}, "generation": 1}
    status = {"ProductionVariants": [{"VariantName": "v", **dict(told)}]}
    return Record(Key("1", "r", "endpoint", "", "e"), "u", 0, 0, spec, status, "InService")


def capacity(dimension: str, record: Record) -> Capacity | None:
    where = place(target(dimension))
    assert where is not None
    return where.capacity(record)


def test_instances() -> None:
    record = endpoint(
        {"ModelName": "m", "InitialInstanceCount": 2}, {"DesiredInstanceCount": 2, "CurrentInstanceCount": 1}
    )
    assert capacity(INSTANCES, record) == Capacity(2, 1, least=1)
    where = place(target())
    assert where is not None
    assert (where.key, where.variant) == (record.key, "v")
    scaled = where.scaled(record, 3)
    assert scaled.state == "Updating"
    assert scaled.spec["config"]["ProductionVariants"][0]["InitialInstanceCount"] == 3
    with pytest.raises(InvalidTransition):
        where.scaled(scaled, 4)


def test_some_may_have_no_instances_at_all() -> None:
    asynchronous = endpoint({"ModelName": "m", "InitialInstanceCount": 1}, AsyncInferenceConfig={})
    assert capacity(INSTANCES, asynchronous) == Capacity(1, 0, least=0)
    assert capacity(INSTANCES, endpoint({"InitialInstanceCount": 1})) == Capacity(1, 0, least=0)


def test_provisioned_concurrency() -> None:
    settings = {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 2}
    record = endpoint({"ServerlessConfig": settings}, {"CurrentServerlessConfig": {"ProvisionedConcurrency": 1}})
    assert capacity(CONCURRENCY, record) == Capacity(2, 1, least=1)
    assert capacity(INSTANCES, record) is None
    assert capacity(CONCURRENCY, endpoint({"ServerlessConfig": {"MaxConcurrency": 5}})) is None
    assert capacity(CONCURRENCY, endpoint({"InitialInstanceCount": 1})) is None


def test_copies() -> None:
    where = place(target(COPIES, "inference-component/c"))
    assert where is not None
    spec = {"RuntimeConfig": {"CopyCount": 2}, "generation": 1, "update": 1}
    status = {"RuntimeConfig": {"CurrentCopyCount": 1}}
    record = Record(where.key, "u", 0, 0, spec, status, "InService")
    assert where.capacity(record) == Capacity(2, 1)
    scaled = where.scaled(record, 0)
    assert (scaled.spec["RuntimeConfig"], scaled.state) == ({"CopyCount": 0}, "Updating")


@pytest.mark.parametrize(
    ("dimension", "resource"), [(INSTANCES, "endpoint/e"), (COPIES, "endpoint/e/variant/v"), ("ecs:x:y", "a")]
)
def test_what_is_no_place(dimension: str, resource: str) -> None:
    assert place(target(dimension, resource)) is None


def test_a_policy_is_found_by_its_arn() -> None:
    arn = "arn:aws:autoscaling:r:1:scalingPolicy:i-d:resource/sagemaker/endpoint/e/variant/v:policyName/a:b/c"
    found = list(policies_named("1", "r", arn))
    assert [(key.name, target_of(key)) for key in found] == [("a:b/c", target()), ("a:b/c", target(CONCURRENCY))]
    assert found[0].parent == belongings(target())
    assert is_policy(arn)
    for other in (arn.replace("sagemaker", "ecs"), "arn:aws:sns:r:1:t", arn.replace(":policyName", "")):
        assert not is_policy(other)
        assert list(policies_named("1", "r", other)) == []


def test_bounds() -> None:
    record = Record(target(), "u", 0, 0, {"MinCapacity": 1, "MaxCapacity": 4})
    changed = bounded(record, {"MinCapacity": 2}, 5.0)
    assert (changed.spec, changed.modified) == ({"MinCapacity": 2, "MaxCapacity": 4}, 5.0)
    for wrong in ({"MinCapacity": 5}, {"MinCapacity": -1}):
        with pytest.raises(ValueError, match="capacity"):
            bounded(record, wrong, 5.0)
