"""Users of feature groups: they put, update, delete and get records, whoever dies meanwhile."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from botocore.exceptions import ClientError

from . import client, record_stories
from .record_stories import LOST, SharedStory, Step, Story, Values, record_of, values_of
from .world import OUTPUT, World

RUNTIME: Final = "sagemaker-featurestore-runtime"
HOURS: Final = 6
_STEPS: Final = 300
"""Steps of a record, until its client goes on with another one."""
_SHARED: Final = 3
"""Records of a group that all clients write to."""
_MOMENTS: Final = 999_983
"""Microseconds in which shared records lie; a prime number, so that each of many in a row is another one."""
_KINDS: Final = (
    *("put",) * 8, "offline put", *("soft",) * 2, *("hard",) * 2, *("update",) * 3, *("get",) * 2, *("batch",) * 2,
    *("shared",) * 3,
)  # fmt: skip


class Group:
    """A feature group, and what was done to its records."""

    def __init__(self, world: World, name: str, table_format: Literal["Glue", "Iceberg"]) -> None:
        self.name = name
        self.features: list[str] = []
        """Those that were added to it."""
        self.stories: dict[str, Story] = {}
        self.shared = {f"shared-{number}": SharedStory(f"shared-{number}") for number in range(_SHARED)}
        self._world, self._format = world, table_format
        self._lock, self._numbers = threading.Lock(), itertools.count(1)
        self.table = ""

    def create(self) -> None:
        """The group itself."""
        kinds = {"id": "String", "at": "String", "note": "String", "size": "Integral"}
        self._world(
            "sagemaker",
            "create_feature_group",
            FeatureGroupName=self.name,
            RecordIdentifierFeatureName="id",
            EventTimeFeatureName="at",
            FeatureDefinitions=[{"FeatureName": name, "FeatureType": kind} for name, kind in kinds.items()],
            OnlineStoreConfig={"EnableOnlineStore": True, "StorageType": "Standard_V2"},
            OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{OUTPUT}/store"}, "TableFormat": self._format},
            RoleArn=self._world.role,
        )
        told = self._world("sagemaker", "describe_feature_group", FeatureGroupName=self.name).body
        self.table = told["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]

    def grow(self, _choose: random.Random) -> None:
        """One more feature in each life of the server."""
        if self._world.front.lives == len(self.features):
            time.sleep(0.05)
            return
        name = f"more_{len(self.features)}"
        self._world(
            "sagemaker",
            "update_feature_group",
            FeatureGroupName=self.name,
            FeatureAdditions=[{"FeatureName": name, "FeatureType": "Fractional"}],
            refused=("must be unique",),  # an earlier try without an answer was heard
        )
        self.features.append(name)

    def number(self) -> int:
        """Another one each time."""
        return next(self._numbers)

    def story(self, identifier: str) -> Story:
        """Of a record that is new."""
        with self._lock:
            return self.stories.setdefault(identifier, Story(identifier))

    def told(self, story: Story | SharedStory, step: Step) -> None:
        """A step was taken; stories of shared records are told by many."""
        with self._lock:
            story.steps.append(step)

    def online(self) -> Mapping[str, Values]:
        """All records that GetRecord would find."""
        names = [*self.stories, *self.shared]
        found: dict[str, Values] = {}
        for start in range(0, len(names), 100):
            wanted = [{"FeatureGroupName": self.name, "RecordIdentifiersValueAsString": names[start : start + 100]}]
            told = self._world(RUNTIME, "batch_get_record", Identifiers=wanted).body
            assert not told["UnprocessedIdentifiers"], "these are small"
            found |= {each["RecordIdentifierValueAsString"]: values_of(each["Record"]) for each in told["Records"]}
        return found

    def listed(self) -> list[str]:
        """What ListRecords tells, page by page."""
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            told = self._world(RUNTIME, "list_records", FeatureGroupName=self.name, MaxResults=7, **more).body
            found += told["RecordIdentifiers"]
            if "NextToken" not in told:
                return found
            more = {"NextToken": told["NextToken"]}


class Client:
    """Has one record of each group to itself, and some in common with the others."""

    def __init__(self, world: World, number: int, groups: Sequence[Group]) -> None:
        self._world, self._number, self._groups = world, number, groups
        self._taken = 0

    def act(self, choose: random.Random) -> None:
        """One request."""
        if not self._world.front.up.wait(0.2):
            return
        kind = choose.choice(_KINDS)
        group = choose.choice(self._groups)
        self._taken += 1
        if kind == "batch":
            self._write_batch(choose)
        elif kind == "shared":
            self._change_shared(choose, group)
        else:
            self._change_own(choose, group, kind)

    def _own(self, group: Group) -> Story:
        return group.story(f"{self._number}-{self._taken // _STEPS}")

    def _change_own(self, choose: random.Random, group: Group, kind: Any) -> None:
        story, hour = self._own(group), choose.randrange(HOURS)
        named = {"FeatureGroupName": group.name, "RecordIdentifierValueAsString": story.identifier}
        if kind == "get":
            answer, told = self._ask("get_record", **named)
            if answer != LOST:
                got = values_of(told["Record"]) if "Record" in told else None
                group.told(story, Step("get", answer=answer, got=got))
        elif kind == "update":
            features = self._values(choose, group, story, hour)
            moved = choose.random() < 0.5
            if not moved:
                del features["at"]
            answer, _ = self._ask("update_record", **named, Features=record_of(features))
            group.told(story, Step("update", features, hour if moved else None, answer))
        elif kind in ("soft", "hard"):
            when, mode = record_stories.at(hour, len(story.steps) % 1000), f"{kind.title()}Delete"
            answer, _ = self._ask("delete_record", **named, EventTime=when, DeletionMode=mode)
            group.told(story, Step(kind, {"at": when}, hour, answer))
        else:
            values = self._values(choose, group, story, hour)
            stores = {"TargetStores": ["OfflineStore"]} if kind == "offline put" else {}
            record = record_of({"id": story.identifier, **values})
            answer, _ = self._ask("put_record", FeatureGroupName=group.name, Record=record, **stores)
            group.told(story, Step(kind, values, hour, answer))

    def _values(self, choose: random.Random, group: Group, story: Story, hour: int) -> dict[str, str]:
        number = len(story.steps)
        values = {"at": record_stories.at(hour, number % 1000), "note": f"{story.identifier}:{number}"}
        if choose.random() < 0.5:
            values["size"] = str(choose.randrange(100))
        if group.features and choose.random() < 0.5:
            values[choose.choice(group.features)] = str(float(choose.randrange(100)))
        return values

    def _write_batch(self, choose: random.Random) -> None:
        """The own record of each group at once. What gets no answer may have been made of one and not of another."""
        steps = []
        for group in self._groups:
            hour = choose.randrange(HOURS)
            steps.append((group, self._own(group), hour, self._values(choose, group, self._own(group), hour)))
        entries = [
            {"FeatureGroupName": group.name, "Record": record_of({"id": story.identifier, **values})}
            for group, story, _, values in steps
        ]
        answer, told = self._ask("batch_write_record", Entries=entries)
        assert answer == LOST or (told["Errors"], told["UnprocessedEntries"]) == ([], []), told
        for group, story, hour, values in steps:
            group.told(story, Step("put", values, hour, answer))

    def _change_shared(self, choose: random.Random, group: Group) -> None:
        story = choose.choice(list(group.shared.values()))
        number = group.number()
        when = f"2026-01-01T00:00:00.{number * 617 % _MOMENTS:06}Z"
        if choose.random() < 0.2:
            named = {"FeatureGroupName": group.name, "RecordIdentifierValueAsString": story.identifier}
            answer, _ = self._ask("delete_record", **named, EventTime=when)
            group.told(story, Step("soft", {"at": when}, None, answer))
            return
        values = {"at": when, "note": f"{self._number}:{number}"}
        record = record_of({"id": story.identifier, **values})
        answer, _ = self._ask("put_record", FeatureGroupName=group.name, Record=record)
        group.told(story, Step("put", values, None, answer))

    def _ask(self, operation: str, **params: Any) -> tuple[str, dict[str, Any]]:
        """One try: '', an error's code or LOST, and what was answered."""
        try:
            return "", self._world.once(RUNTIME, operation, **params)
        except ClientError as error:
            return str(error.response["Error"]["Code"]), {}
        except client.LOST:
            return LOST, {}
