"""What used instances, and for how long: the ledger's entries, and what of records that live is yet to be entered.

An entry is written once, in the commit that ends what it is about, and stays when that is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from sagewright.resources import (
    endpoint,
    notebook_instance,
    processing_job,
    training_host,
    training_job,
    transform_job,
    tries,
    warm_pool,
)
from sagewright.resources.owner import owner
from sagewright.resources.record import Key, Record

KIND: Final = "usage"

Kind = Literal["Training", "WarmPool", "Transform", "Endpoint", "Processing", "Notebook", "App"]


@dataclass(frozen=True, slots=True)
class Line:
    """So many instances of one type, from one time to another (epoch seconds)."""

    kind: Kind
    instance_type: str
    count: int
    start: float
    end: float
    spot: bool = False
    usd_per_hour: float | None = None
    """Of one instance on demand, when it was entered; None while it runs, and for types without a price."""
    share: float = 1.0
    """What part of that is billed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one thing used."""

    region: str
    arn: str
    name: str
    owner: str
    """The ARN of the user or role whose it is, '' where that is not known."""
    role: str
    """The ARN of the role that it worked as, '' for none."""
    tags: Mapping[str, str]
    lines: Sequence[Line]


def new(about: Record, unique: str, lines: Sequence[Line]) -> Record:
    """The ledger's entry about a record, to be created in the commit that ends it. `unique` names this use of it, and
    no other that there ever was or will be. Entries stand in no region, so that one listing has them all."""
    start, end = min(line.start for line in lines), max(line.end for line in lines)
    return Record(
        key=Key(about.key.account, "", KIND, "", f"{seek(end)}-{unique}"),
        uid=unique,
        created=start,
        modified=end,
        spec={
            "region": about.key.region,
            "arn": arn_of(about),
            "name": about.name,
            "owner": owner(about),
            "role": about.spec.get("RoleArn", ""),
            "lines": [asdict(line) for line in lines],
        },
        tags=about.tags,
    )


def seek(time: float) -> str:
    """What the names of entries begin with that ended then (epoch seconds): in the order of their names they ended."""
    return f"{int(time * 1000):015d}"


def entry(record: Record) -> Entry:
    """What an entry of the ledger says."""
    spec = record.spec
    lines = [Line(**line) for line in spec["lines"]]
    return Entry(spec["region"], spec["arn"], spec["name"], spec["owner"], spec["role"], record.tags, lines)


def running(about: Record, now: float) -> Entry:
    """What a record that lives used until now, and the ledger does not know yet."""
    lines = METERED[about.key.kind].lines(about, now)
    role = about.spec.get("RoleArn", "")
    return Entry(about.key.region, arn_of(about), about.name, owner(about), role, about.tags, lines)


def arn_of(record: Record) -> str:
    """The ARN in a record's status."""
    status = record.status
    members = ("TrainingJobArn", "TransformJobArn", "ProcessingJobArn", "EndpointArn", "NotebookInstanceArn", "arn")
    return str(next((status[member] for member in members if status.get(member)), ""))


# The lines of each kind.


def of_training_job(record: Record, now: float) -> Sequence[Line]:
    """One for each try and group of instances."""
    spans = [(each["start"], each["end"]) for each in tries.ended(record)]
    is_over = any(each["why"] == "ended" for each in tries.ended(record))
    if record.status["SecondaryStatus"] in ("Training", "Stopping") and "try_started" in record.status and not is_over:
        spans.append((record.status["try_started"], now))
    spot = tries.is_spot(record)
    return [
        Line("Training", group["InstanceType"], group["InstanceCount"], start, max(start, end), spot)
        for start, end in spans
        for group in training_host.groups(record.spec.get("ResourceConfig", {}))
    ]


def of_warm_pool(record: Record, now: float) -> Sequence[Line]:
    if record.state != "Available":
        return ()
    since = record.status["since"]
    groups = training_host.groups(record.spec["ResourceConfig"])
    return [Line("WarmPool", each["InstanceType"], each["InstanceCount"], since, max(since, now)) for each in groups]


def of_transform_job(record: Record, now: float) -> Sequence[Line]:
    start = record.status.get("TransformStartTime")
    if start is None:
        return ()
    end = record.status.get("TransformEndTime", now)
    resources = record.spec["TransformResources"]
    count = len(transform_job.instances(record)) or resources["InstanceCount"]
    return [Line("Transform", resources["InstanceType"], count, start, max(start, end))]


def of_processing_job(record: Record, now: float) -> Sequence[Line]:
    start = record.status.get("ProcessingStartTime")
    if start is None:
        return ()
    end = record.status.get("ProcessingEndTime", now)
    kind, count = processing_job.instances(record.spec)
    return [Line("Processing", kind, count, start, max(start, end))]


def of_endpoint(record: Record, now: float) -> Sequence[Line]:
    """One for each instance that serves."""
    metered: Mapping[str, Mapping[str, Any]] = record.status.get("metered", {})
    return [Line("Endpoint", each["type"], 1, each["since"], max(each["since"], now)) for each in metered.values()]


def of_notebook(record: Record, now: float) -> Sequence[Line]:
    """While it has answered and was not stopped."""
    since = record.status.get("since")
    return [] if since is None else [Line("Notebook", record.spec["InstanceType"], 1, since, max(since, now))]


@dataclass(frozen=True, slots=True)
class Metered:
    """A kind of records whose instances are counted."""

    settled: Sequence[str]
    """The states in which all that it used is in the ledger."""
    lines: Callable[[Record, float], Sequence[Line]]


METERED: Final[Mapping[str, Metered]] = {
    # Add a noun here; its controller creates `new(…)` in the commit that ends it.
    training_job.KIND: Metered(training_job.LIFE.settled, of_training_job),
    warm_pool.KIND: Metered((), of_warm_pool),
    transform_job.KIND: Metered(transform_job.LIFE.settled, of_transform_job),
    processing_job.KIND: Metered(processing_job.LIFE.settled, of_processing_job),
    endpoint.KIND: Metered(endpoint.LIFE.settled, of_endpoint),
    notebook_instance.KIND: Metered(notebook_instance.LIFE.settled, of_notebook),
}
