"""What the control plane costs when a noun has many records."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

from bench import peers
from bench.base import OURS, Figure, Run, Sample, rate
from bench.control import CONTAINER
from sagewright.base.settings import DEFAULT_ACCOUNT
from sagewright.resources.record import Key, Record
from sagewright.store.sqlite import SqliteStore

TITLE = "calls per second on a noun with many records; the reference is the same server with few"
FEW: Final = 1_000
_PAGE: Final = 10


def measure(run: Run) -> Sequence[Figure]:
    """Two of our servers, one with a thousand models, one with a hundred thousand (ten thousand with --quick)."""
    many = int(run.amount(100_000, 10_000))
    seconds = run.amount(0.6, 0.2)
    calls: dict[str, Callable[[Any, int], Callable[[], object]]] = {
        "DescribeModel": lambda api, count: lambda: api.describe_model(ModelName=_name(count // 2)),
        "ListModels, the newest": lambda api, _: lambda: api.list_models(MaxResults=_PAGE),
        "ListModels, by name": lambda api, _: lambda: api.list_models(MaxResults=_PAGE, SortBy="Name"),
        "ListModels, a page in the middle": _middle,
        "ListModels, CreationTimeAfter": lambda api, count: (
            lambda: api.list_models(MaxResults=_PAGE, CreationTimeAfter=float(_created(count - _PAGE)))
        ),
        "ListModels, NameContains, 1 in 100": lambda api, _: (
            lambda: api.list_models(MaxResults=_PAGE, NameContains="77-of")
        ),
    }
    figures = [Figure(what, "/s") for what in calls]

    with ExitStack() as stack:

        def subject(count: int) -> Sample:
            data = run.folder / f"data-{count}"
            run.say(f"writing {count:,} records")
            _fill(data, count)
            peer = peers.ours(data)
            stack.enter_context(peers.serving(peer, run.folder / "log"))
            api = peers.client("sagemaker", peer, peers.our_keys(peer, data))
            bound = {what: call(api, count) for what, call in calls.items()}

            def sample() -> Mapping[str, float]:
                return {what: rate(call, seconds) for what, call in bound.items()}

            return sample

        few = f"with {FEW:,}"
        for figure in figures:
            figure.goal, figure.share_of = 1 / 1.5, few
        run.alternate("growth", figures, {OURS: subject(many), few: subject(FEW)})
    run.note(f"{OURS} here holds {many:,} models.")
    return figures


def _middle(api: Any, count: int) -> Callable[[], object]:
    """The page that follows one in the middle of the listing."""
    there = api.list_models(MaxResults=_PAGE, CreationTimeBefore=float(_created(count // 2)))
    return lambda: api.list_models(
        MaxResults=_PAGE, CreationTimeBefore=float(_created(count // 2)), NextToken=there["NextToken"]
    )


def _name(number: int) -> str:
    return f"m-{number}-of-many"


def _created(number: int) -> int:
    return int(_BEGUN) - 1_000_000 + number


_BEGUN = time.time()


def _fill(data: Any, count: int) -> None:
    """Write the records straight into the store, as CreateModel does, in one transaction for each ten thousand."""
    store = SqliteStore(data / "state.db")
    role = f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/service-role/SagewrightExecutionRole"
    for start in range(0, count, 10_000):
        store.write([("create", _record(number, role)) for number in range(start, min(start + 10_000, count))])
    store.close()


def _record(number: int, role: str) -> Record:
    name, created = _name(number), float(_created(number))
    return Record(
        key=Key(DEFAULT_ACCOUNT, peers.REGION, "model", "", name),
        uid=f"bench-{number}",
        created=created,
        modified=created,
        spec={"ModelName": name, "PrimaryContainer": CONTAINER, "ExecutionRoleArn": role},
        status={"ModelArn": f"arn:aws:sagemaker:{peers.REGION}:{DEFAULT_ACCOUNT}:model/{name}"},
    )
