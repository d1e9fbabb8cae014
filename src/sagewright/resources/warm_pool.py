"""A warm pool: the instances of a training job that has ended, kept for the next one that is alike.

It stands under the name of the job that left it, for as long as nobody takes it and its time is not over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from sagewright.resources.owner import OWNER, owner
from sagewright.resources.record import Key, Record

KIND: Final = "warm-pool"
CACHE: Final = "/opt/ml/sagemaker/warmpoolcache"
"""What is in this folder is there for the next job too."""
MATCH: Final = "Match"
_SAME: Final = ("RoleArn", "VpcConfig", "EnableInterContainerTrafficEncryption", "EnableNetworkIsolation")
_SAME_RESOURCES: Final = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")


def match(spec: Mapping[str, Any]) -> str:
    """The same for two training jobs of which one may take the other's instances."""
    resources = spec.get("ResourceConfig", {})
    same = {member: spec[member] for member in _SAME if spec.get(member)}
    same |= {member: resources[member] for member in _SAME_RESOURCES if resources.get(member)}
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()


def wanted(spec: Mapping[str, Any]) -> int:
    """For how many seconds a job's instances are to be kept."""
    return int(spec.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds", 0))


def takes_part(spec: Mapping[str, Any]) -> bool:
    """Whether a job may take what another left: not on Spot instances, and not in groups of several kinds."""
    return not spec.get("EnableManagedSpotTraining") and "InstanceGroups" not in spec.get("ResourceConfig", {})


def is_reused(job: Record) -> bool:
    """Whether a job runs on what another one left."""
    return "warm" in job.status


def key_of(job: Record) -> Key:
    return job.key._replace(kind=KIND)


def cache_of(job: Record) -> str:
    """The id of the folder that a job shares with those before it."""
    return str(job.status.get("warm", {}).get("cache", job.uid))


def new(job: Record, now: float, *, kept: bool) -> Record:
    """The pool that a job leaves when it ends; if it is not `kept`, it only has to be cleared away."""
    return Record(
        key=key_of(job),
        uid=f"pool-{job.uid}",
        created=now,
        modified=now,
        spec={
            "ResourceConfig": job.spec["ResourceConfig"],
            "RoleArn": job.spec["RoleArn"],
            "cache": cache_of(job),
        },
        status={"since": now, "arn": job.status["TrainingJobArn"], OWNER: owner(job)},
        state="Available" if kept else "Terminating",
        tags=job.tags,
        facets={MATCH: match(job.spec)},
    )


def until(pool: Record) -> float:
    """When its time is over, in epoch seconds."""
    return float(pool.status["since"]) + wanted(pool.spec)


def status(name: str, pool: Record, now: float, by: str | None = None) -> dict[str, Any]:
    """What the job that left it says of it."""
    retained = round(max(now - pool.status["since"], 0))
    told = {"Status": name, "ResourceRetainedBillableTimeInSeconds": retained}
    return {"WarmPoolStatus": {**told, **({"ReusedByJob": by} if by else {})}}
