"""Any interleaving of puts, updates and deletions with any event times, of a server that is killed at any moment: both
stores of a feature group agree with the model. What was acknowledged is in the offline store's table once, what was not
is there once or not at all, and online is what comes of just these."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

from .client import SERVICES
from .lives import one_life
from .record_stories import DELETED, Row, SharedStory, Story, record_of
from .records import RUNTIME, Client, Group
from .server import Server, eventually
from .world import OUTPUT, World

CLIENTS = 4
SEALED = "rows on their way to an offline store"
MOMENTS = (
    "put_record", "delete_record", "update_record", "batch_write_record", "update_feature_group", *(SEALED,) * 10
)  # fmt: skip
LONGEST = 1.5
"""Seconds of a life before somebody means to end it: within a second, records are on their way to the offline store."""
LAST = "last"
DATABASE = "sagemaker_featurestore"


class Watcher:
    """Tells of rows that go to offline stores just now, which is the worst moment."""

    def __init__(self, world: World, server: Server) -> None:
        self._world, self._folder = world, server.data / "features"
        self._sealed: set[tuple[Path, int]] = set()

    def act(self, _choose: random.Random) -> None:
        for path in self._folder.glob("*/records.db"):
            with (
                suppress(sqlite3.OperationalError),
                closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0)) as database,
            ):
                for (last,) in database.execute("SELECT last FROM sealed"):
                    if (path, last) not in self._sealed:
                        self._sealed.add((path, last))
                        self._world.notice(SEALED)
        time.sleep(0.002)


def test_both_stores_agree_with_the_model(
    server: Server, rounds: int, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    choose = random.Random(seed)
    world = World(server, seed)
    groups = [Group(world, "glue", "Glue"), Group(world, "iceberg", "Iceberg")]
    try:
        server.start()
        world.prepare((*SERVICES, RUNTIME, "athena"))
        for group in groups:
            group.create()
        for number in range(CLIENTS):
            world.user(f"client {number}", Client(world, number, groups).act)
        world.user("watcher", Watcher(world, server).act)
        for group in groups:
            world.user(f"owner of {group.name}", group.grow)
        for number in range(1, rounds + 1):
            time.sleep(choose.uniform(0.0, LONGEST))
            how = one_life(world, server, choose, MOMENTS)
            with capsys.disabled():
                steps = sum(len(story.steps) for group in groups for story in _stories(group).values())
                print(f"   round {number}: {how}, {steps} requests", flush=True)
            server.start()
            if world.failures:
                break
        world.rest(within=60)
        for group in groups:
            _put_last(world, group)
        complaints = [*world.failures, *(each for group in groups for each in _complaints(world, group))]
    finally:
        world.close()
    assert not complaints, f"--chaos-seed={seed}\n" + "\n".join(complaints[:20]) + f"\n{server.tail()}"


def _stories(group: Group) -> Mapping[str, Story | SharedStory]:
    return {**group.stories, **group.shared}


def _complaints(world: World, group: Group) -> Iterator[str]:
    """What of the group's stores is not as it must be."""
    stories, online = _stories(group), group.online()
    rows: dict[str, list[Row]] = {name: [] for name in stories}
    for row in _offline(world, group):
        rows.setdefault(row["id"], []).append(row)
    for name, story in stories.items():
        yield from (f"{group.name}: {each}" for each in story.complaints(rows[name], online.get(name)))
    yield from (f"{group.name}: nobody put {rows[name]}" for name in rows.keys() - stories.keys())
    listed = group.listed()
    if sorted(listed) != sorted(online):
        yield f"{group.name}: ListRecords tells {sorted(listed)}, online are {sorted(online)}"


def _put_last(world: World, group: Group) -> None:
    """A record that goes to the offline store behind all others."""
    record = record_of({"id": LAST, "at": "2026-02-01T00:00:00Z", "note": ""})
    world(RUNTIME, "put_record", FeatureGroupName=group.name, Record=record, TargetStores=["OfflineStore"])


def _offline(world: World, group: Group) -> Sequence[Row]:
    """The rows of its table once all that was put is there."""
    columns = ", ".join(("id", '"at"', "note", "size", *group.features, DELETED))
    found: list[Row] = []

    def arrived() -> bool:
        found[:] = _asked(world, f"SELECT {columns} FROM {group.table}")
        return any(row["id"] == LAST for row in found)

    # The table has a column within seconds after its group has the feature.
    eventually(arrived, within=180, every=0.5, what=f"the last record of {group.name} in its table")
    return [row for row in found if row["id"] != LAST]


def _asked(world: World, query: str) -> Sequence[Row]:
    """Athena's answer; none where a column is not there yet."""
    where = {"Database": DATABASE}
    results = {"OutputLocation": f"s3://{OUTPUT}/queries/"}
    told = world(
        "athena",
        "start_query_execution",
        QueryString=query,
        QueryExecutionContext=where,
        ResultConfiguration=results,
    ).body
    named = {"QueryExecutionId": told["QueryExecutionId"]}

    def status() -> Mapping[str, str]:
        found: Mapping[str, str] = world("athena", "get_query_execution", **named).body["QueryExecution"]["Status"]
        return found

    eventually(lambda: status()["State"] not in ("QUEUED", "RUNNING"), within=180, what=f"an answer to {query}")
    if (ended := status())["State"] != "SUCCEEDED":
        assert "COLUMN_NOT_FOUND" in ended["StateChangeReason"], ended
        return []
    rows: list[list[str | None]] = []
    more: dict[str, str] = {}
    while True:
        page = world("athena", "get_query_results", **named, **more).body
        rows += [[each.get("VarCharValue") for each in row["Data"]] for row in page["ResultSet"]["Rows"]]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    names = rows[0]
    return [{str(name): value for name, value in zip(names, row, strict=True) if value is not None} for row in rows[1:]]
