"""What the control plane costs when a noun has very many records: SQLite."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import filling, peers
from bench.base import OURS, Figure, Run, Sample, rate
from sagewright.base.settings import DEFAULT_ACCOUNT
from sagewright.resources.training_job import KIND
from sagewright.store.base import Query, Store
from sagewright.store.sqlite import SqliteStore

TITLE = "calls per second on a noun with many records; the reference is the same server with few (SQLite)"
FEW: Final = 1_000
START: Final = "process start until its port answers"
_PAGE: Final = 10
_QUERY: Final = Query(DEFAULT_ACCOUNT, peers.REGION, KIND, sort_by="created", descending=True)

Made = tuple[peers.Peer, Path, Callable[[], Store]]
"""A server that has not been started, its data folder, and a way to open its store directly."""


def measure(run: Run) -> Sequence[Figure]:
    """Two of our servers, one with a thousand training jobs, one with a million (twenty thousand with --quick)."""

    def made(count: int) -> Made:
        data = run.folder / f"data-{count}"
        path = data / "state.db"
        filling.sqlite(path, count)
        return peers.ours(data), data, lambda: SqliteStore(path)

    return compare(run, made, "growth")


def compare(run: Run, make: Callable[[int], Made], label: str) -> Sequence[Figure]:
    """The same calls on a store with few records and on one with many."""
    many = int(run.amount(1_000_000, 20_000))
    seconds = run.amount(0.6, 0.2)
    calls, queries = _calls(), _queries()
    figures = [Figure(what, "/s") for what in (*calls, *queries)]
    start = Figure(START, "s", more=False)
    with ExitStack() as stack:

        def subject(count: int) -> Sample:
            run.say(f"writing {count:,} records")
            begun = time.perf_counter()
            peer, data, opened = make(count)
            run.say(f"wrote {count:,} records in {time.perf_counter() - begun:.0f} s")
            log = run.folder / "log"

            def started() -> float:
                begun = time.perf_counter()
                with peers.started(peer, log) as process:
                    peers.wait_for_answer(peer, process, log)
                    return time.perf_counter() - begun

            starts = iter([started() for _ in range(run.rounds + 1)])
            stack.enter_context(peers.serving(peer, log))
            api = peers.client("sagemaker", peer, peers.our_keys(peer, data))
            store = opened()
            stack.callback(store.close)
            bound: dict[str, Callable[[], object]] = {what: call(api, count) for what, call in calls.items()}
            bound |= {what: _listing(store, query(count)) for what, query in queries.items()}

            def sample() -> Mapping[str, float]:
                rates = {what: rate(call, seconds) for what, call in bound.items()}
                return {**rates, START: next(starts)}

            return sample

        few = f"with {FEW:,}"
        for figure in figures:
            figure.goal, figure.share_of = 1 / 1.5, few
        start.goal, start.share_of = 1.5, few
        run.alternate(label, [*figures, start], {OURS: subject(many), few: subject(FEW)})
    run.note(f"{OURS} here holds {many:,} training jobs. The last rows but one ask the store without a server.")
    return [*figures, start]


def _calls() -> Mapping[str, Callable[[Any, int], Callable[[], object]]]:
    """What is asked through boto3."""

    def jobs(**given: Any) -> Callable[[Any, int], Callable[[], object]]:
        return lambda api, _: lambda: api.list_training_jobs(MaxResults=_PAGE, **given)

    return {
        "DescribeTrainingJob": lambda api, count: (
            lambda: api.describe_training_job(TrainingJobName=filling.name(count // 2))
        ),
        "ListTrainingJobs, the newest": jobs(),
        "…, by name": jobs(SortBy="Name", SortOrder="Ascending"),
        "…, by status": jobs(SortBy="Status"),
        "…, a page in the middle": _middle,
        "…, CreationTimeAfter and -Before": lambda api, count: (
            lambda: api.list_training_jobs(
                MaxResults=_PAGE,
                CreationTimeAfter=filling.created(count // 2),
                CreationTimeBefore=filling.created(count // 2 + 500),
            )
        ),
        "…, CreationTimeAfter, by name": lambda api, count: (
            lambda: api.list_training_jobs(
                MaxResults=_PAGE, SortBy="Name", CreationTimeAfter=filling.created(count - 100)
            )
        ),
        "…, NameContains, in all": jobs(NameContains="of-MANY"),
        "…, NameContains, 1 in 100": jobs(NameContains="77-of"),
        "…, NameContains, in one": lambda api, count: (
            lambda: api.list_training_jobs(MaxResults=_PAGE, NameContains=filling.name(count // 3)[4:11])
        ),
        "…, NameContains, in none": jobs(NameContains="nowhere"),
        "…, StatusEquals, rare, by name": jobs(StatusEquals="Stopped", SortBy="Name"),
        "…, StatusEquals, common, by name": jobs(StatusEquals="Completed", SortBy="Name"),
        "ListTags of an ARN in lower case": lambda api, count: (
            lambda: api.list_tags(ResourceArn=_arn(filling.name(count // 20 * 10)))
        ),
    }


def _queries() -> Mapping[str, Callable[[int], Query]]:
    """What is asked of the store itself: no operation of training jobs has a facet."""

    def query(**facets: str) -> Query:
        return Query(_QUERY.account, _QUERY.region, KIND, sort_by="created", descending=True, facets=facets)

    return {
        "the store, by a common facet": lambda _: query(Team="team-1"),
        "the store, by a rare facet": lambda count: query(Run=f"run-{count // 20}"),
        "the store, by two facets": lambda count: query(Team="team-1", Run=f"run-{count // 20}"),
    }


def _listing(store: Store, query: Query) -> Callable[[], object]:
    return lambda: store.list(query, limit=_PAGE)


def _middle(api: Any, count: int) -> Callable[[], object]:
    """The page that follows one in the middle of the listing."""
    bounds = {"MaxResults": _PAGE, "CreationTimeBefore": filling.created(count // 2)}
    there = api.list_training_jobs(**bounds)
    return lambda: api.list_training_jobs(**bounds, NextToken=there["NextToken"])


def _arn(name: str) -> str:
    return f"arn:aws:sagemaker:{peers.REGION}:{DEFAULT_ACCOUNT}:{KIND}/{name.lower()}"
