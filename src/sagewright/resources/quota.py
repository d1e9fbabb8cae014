"""Quotas: how many instances of a type may be in use at once, for jobs of one sort, in an account or by one user.

A quota that was set is a record: its spec has the value, its status says who uses how much of it. What was not set is
not limited and has no record. Those of an account have no parent, those of a user stand under the user's ARN.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sagewright.resources import endpoint, processing_job, training_host, training_job, transform_job
from sagewright.resources.record import Key, Record

KIND: Final = "service-quota"
REQUEST: Final = "service-quota-request"
"""The kind of requests for another value."""
UNLIMITED: Final = 1_000_000.0
"""The value of a quota that nobody set."""
TRAINING, SPOT, TRANSFORM, ENDPOINT = "training job", "spot training job", "transform job", "endpoint"
PROCESSING = "processing job"


def name_of(instance_type: str, use: str) -> str:
    """`ml.m5.large for training job usage`, as AWS calls it."""
    return f"{instance_type} for {use} usage"


def code_of(name: str) -> str:
    """The quota's code: of the same form as AWS's, and the same everywhere, but another one."""
    return f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


def key_of(account: str, region: str, name: str, user: str = "") -> Key:
    return Key(account, region, KIND, user, name)


@dataclass(frozen=True, slots=True)
class _Counted:
    """How records of one kind count."""

    over: Sequence[str]
    """The states in which one has no instances any more."""
    types: Callable[[Record], Mapping[str, int]]
    """How many instances it has of each quota."""


def used_by(record: Record) -> Mapping[str, int]:
    """How much a record uses of each quota, by the quota's name."""
    counted = COUNTED.get(record.key.kind)
    return {} if counted is None or record.state in counted.over else counted.types(record)


def _training(record: Record) -> Mapping[str, int]:
    use = SPOT if record.spec.get("EnableManagedSpotTraining") else TRAINING
    return Counter(name_of(host.instance_type, use) for host in training_host.hosts(record))


def _transform(record: Record) -> Mapping[str, int]:
    resources = record.spec["TransformResources"]
    return {name_of(resources["InstanceType"], TRANSFORM): int(resources["InstanceCount"])}


def _processing(record: Record) -> Mapping[str, int]:
    kind, count = processing_job.instances(record.spec)
    return {name_of(kind, PROCESSING): count}


def _endpoint(record: Record) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for variant in endpoint.variants(record.spec["config"]):
        if "InstanceType" in variant:
            found[name_of(variant["InstanceType"], ENDPOINT)] += int(variant.get("InitialInstanceCount", 1))
    return found


COUNTED: Final[Mapping[str, _Counted]] = {
    # Add a kind of job that runs on instances here.
    training_job.KIND: _Counted(training_job.LIFE.settled, _training),
    transform_job.KIND: _Counted(transform_job.LIFE.settled, _transform),
    processing_job.KIND: _Counted(processing_job.LIFE.settled, _processing),
    endpoint.KIND: _Counted(("Failed", "Deleting"), _endpoint),
}


def exceeded(name: str, limit: float, used: int, delta: int, user: str = "") -> str:
    """What a client is told, in AWS's words."""
    whose = f"service limit of {user}" if user else "account-level service limit"
    return (
        f"The {whose} '{name}' is {_instances(limit)}, with current utilization of {_instances(used)} and a request "
        f"delta of {_instances(delta)}. Please use AWS Service Quotas to request an increase for this quota. If AWS "
        "Service Quotas is not available, contact AWS support to request an increase for this quota. Here the owner of "
        f"this server grants it: sagewright quota set '{name}' VALUE."
    )


def _instances(number: float) -> str:
    return f"{number:.12g} Instances"
