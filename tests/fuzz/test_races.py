"""Many at once on the same few names: no 5xx, nothing acknowledged is lost, nothing is left of what is gone."""

from __future__ import annotations

import asyncio
import collections
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sagewright import compose
from sagewright.base.settings import Settings
from sagewright.operations import unbuilt
from sagewright.resources.record import Record
from sagewright.store.base import Query, Store
from sagewright.testing import examples
from sagewright.testing.asker import Answer, Asker
from sagewright.testing.http import parse, spell
from sagewright.testing.policies import allowing, trusting
from sagewright.testing.population import Population, request
from sagewright.testing.steps import NAME
from sagewright.testing.surroundings import Surroundings, asking
from sagewright.wire import model

AT_ONCE = 16
ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
NAMES = ("a", "b")
_CHANGING = ("Create", "Update", "Put", "Add", "Associate", "Register", "Import", "Start", "Stop", "Enable", "Disable")
_ENDING = ("Delete", "Deregister", "Disassociate", "Remove")
_BESIDE = ("s3", "iam", "logs", "events", "scheduler", "application-autoscaling", "cloudwatch", "ecr")

Ask = tuple[str, str, Mapping[str, Any]]
"""Service, operation, members."""


class Race:
    """A server on SQLite, asked by many at once."""

    def __init__(self, folder: Path) -> None:
        self.server = compose.build(Settings(data=folder / "data", sandbox="off"))
        services = self.server.app.services
        self.asker = Asker(self.server, services.credentials.root(), services.clock.now())
        self.store: Store = services.store

    def run(self, asks: Sequence[Ask], seen: Callable[[Ask, Answer], None] = lambda _ask, _answer: None) -> list[str]:
        """Ask all of these, many at once; what failed. `seen` is shown every answer."""
        waiting, failures = iter(asks), []

        async def worker() -> None:
            for ask in waiting:
                answer = await self.asker.sign_and_send(request(*ask) if ask[0] == "sagemaker" else spell(*ask))
                if answer.status >= 500:
                    failures.append(f"{ask}: {answer.body.decode(errors='replace')[:300]}")
                seen(ask, answer)

        async def run() -> None:
            await asyncio.gather(*(worker() for _ in range(AT_ONCE)))

        asyncio.run(run())
        return failures

    def answers(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        """What those who were not refused were told."""
        told: list[dict[str, Any]] = []
        refused: list[str] = []

        def note(ask: Ask, answer: Answer) -> None:
            said = parse(ask[0], ask[1], answer.status, answer.headers, answer.body)
            if answer.status < 300:
                told.append(said)
            else:
                refused.append(f"{ask[1]}: {said['Error']}")

        assert self.run(asks, note) == []
        print(collections.Counter(refused).most_common(3))
        return told

    def ask(self, service: str, operation: str, **members: Any) -> Mapping[str, Any]:
        return asking(self.asker)(service, operation, members)


@pytest.fixture
def race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Race]:
    monkeypatch.setattr(unbuilt, "unbuilt", lambda _service: {})
    made = Race(tmp_path)
    yield made
    made.server.close()


# Everything at once.


def test_makers_changers_and_deleters_of_the_same_things(
    race: Race, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    """Whatever wins, nobody gets a 5xx, and nothing is left whose parent is gone."""
    chosen = random.Random(request.config.getoption("--fuzz-seed"))
    population, surroundings = Population(race.asker, ROLE), Surroundings(asking(race.asker), ROLE)
    population.fill()
    surroundings.fill(neighbours=False)
    crowd = _Crowd(chosen, population, surroundings)
    for _ in range(3):
        failures = race.run([crowd.ask() for _ in range(request.config.getoption("--requests") // 6)], crowd.learn)
        stories = collections.Counter((each.exc_text or "")[-700:] for each in caplog.records)
        assert not failures, "\n".join([*failures[:10], *map(str, stories.most_common(8))])
        assert _alone(race.store) == []


class _Crowd:
    """People who make, change, tag and delete the same two of everything."""

    def __init__(self, chosen: random.Random, population: Population, surroundings: Surroundings) -> None:
        self._random, self._population, self._surroundings = chosen, population, surroundings
        operations = [("sagemaker", name) for name in model.service("sagemaker").operation_names]
        operations += [(service, name) for service in _BESIDE for name in model.service(service).operation_names]
        self._changing = [each for each in operations if each[1].startswith(_CHANGING)]
        self._ending = [each for each in operations if each[1].startswith(_ENDING)]
        self._beside = [each for each in surroundings.asked if each[0] in _BESIDE]

    def ask(self) -> Ask:
        """What one of them asks next."""
        kind = self._random.random()
        if kind < 0.25:
            service, operation = self._random.choice(self._beside)
        else:
            service, operation = self._random.choice(self._changing if kind < 0.7 else self._ending)
        return service, operation, self._members(service, operation)

    def learn(self, ask: Ask, answer: Answer) -> None:
        """Names and ARNs of what was made."""
        if ask[0] == "sagemaker" and answer.status < 300:
            self._population.learn(parse(*ask[:2], answer.status, answer.headers, answer.body))

    def _members(self, service: str, operation: str) -> Mapping[str, Any]:
        if service == "sagemaker":
            members = self._population.valid(service, operation)
            return {name: self._renamed(name, value) for name, value in members.items()}
        asked = self._surroundings.asked.get((service, operation))
        if asked is not None:
            return asked
        known = self._surroundings.known.get(service, {})
        made = examples.minimal(model.service(service).operation_model(operation))
        return {member: known.get(member, NAME) if isinstance(value, str) else value for member, value in made.items()}

    def _renamed(self, member: str, value: Any) -> Any:
        return self._random.choice(NAMES) if member.endswith("Name") and value == "a" else value


_PARENTS: Mapping[str, Callable[[Record], tuple[str, str]]] = {
    "app": lambda record: ("domain", record.key.parent.split("/")[0]),
    "device": lambda record: ("device-fleet", record.key.parent),
    "event-rule": lambda record: ("event-bus", record.key.parent),
    "experiment-trial": lambda record: ("experiment", record.spec["ExperimentName"]),
    "extension": lambda record: ("cluster", record.key.parent),
    "hub-content": lambda record: ("hub", record.key.parent.split("/")[0]),
    "image-version": lambda record: ("image", record.key.parent),
    "model-card-version": lambda record: ("model-card", record.key.parent),
    "model-card/export-job": lambda record: ("model-card", record.key.parent),
    "object": lambda record: ("bucket", record.key.parent),
    "pipeline-version": lambda record: ("pipeline", record.key.parent),
    "pipeline/execution": lambda record: ("pipeline", record.key.parent),
    "schedule": lambda record: ("schedule-group", record.key.parent),
    "space": lambda record: ("domain", record.key.parent),
    "trial-component-link": lambda record: ("experiment-trial", record.key.parent),
    "upload": lambda record: ("bucket", record.key.parent),
    "user-profile": lambda record: ("domain", record.key.parent),
    "version": lambda record: ("bucket", record.key.parent),
    "workteam": lambda record: ("workforce", record.spec["WorkforceName"]),
}
"""What a record of a kind stands under, by kind and name."""
_ALWAYS = {("event-bus", "default"), ("schedule-group", "default")}


def _alone(store: Store) -> list[str]:
    """The records that stand under something that is gone."""
    there = {(kind, record.name): record for kind in _kinds() for record in _all(store, kind)}
    alone = []
    for kind, parent_of in _PARENTS.items():
        for record in _all(store, kind):
            try:
                parent = parent_of(record)
            except KeyError:
                continue  # it says that it stands under nothing
            if parent not in there and parent not in _ALWAYS:
                alone.append(f"{kind} {record.key.parent}/{record.name} without {parent}")
    return alone


def _kinds() -> set[str]:
    return {
        "bucket", "cluster", "device-fleet", "domain", "event-bus", "experiment", "experiment-trial", "hub", "image",
        "model-card", "pipeline", "schedule-group", "workforce",
    }  # fmt: skip


def _all(store: Store, kind: str) -> Iterator[Record]:
    for region in ("us-east-1", ""):
        after: str | None = None
        while True:
            page = store.list(Query("123456789012", region, kind), limit=500, after=after)
            yield from page.records
            after = page.next
            if after is None:
                break


# What is acknowledged is there.

_SPECIFICATION = {
    "Containers": [{"Image": "a"}],
    "SupportedContentTypes": ["a/b"],
    "SupportedResponseMIMETypes": ["a/b"],
}


def test_tags_that_many_add_to_one_thing_are_all_there(race: Race) -> None:
    race.ask("sagemaker", "CreateModel", ModelName="a", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "a"})
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model/a"
    tags = [f"t{number}" for number in range(40)]
    one = [{"Key": tag, "Value": "1"} for tag in tags]
    assert race.run([("sagemaker", "AddTags", {"ResourceArn": arn, "Tags": [tag]}) for tag in one]) == []
    listed = race.ask("sagemaker", "ListTags", ResourceArn=arn)["Tags"]
    assert sorted(tag["Key"] for tag in listed) == sorted(tags)
    some, rest = tags[:20], tags[20:]
    assert race.run([("sagemaker", "DeleteTags", {"ResourceArn": arn, "TagKeys": [tag]}) for tag in some]) == []
    listed = race.ask("sagemaker", "ListTags", ResourceArn=arn)["Tags"]
    assert sorted(tag["Key"] for tag in listed) == sorted(rest)


def test_what_many_attach_to_one_role_is_all_there(race: Race) -> None:
    race.ask("iam", "CreateRole", RoleName="r", AssumeRolePolicyDocument=trusting(Service="sagemaker.amazonaws.com"))
    names = [f"p{number}" for number in range(8)]
    arns = [
        race.ask("iam", "CreatePolicy", PolicyName=n, PolicyDocument=allowing("s3:*"))["Policy"]["Arn"] for n in names
    ]
    inline = [f"i{number}" for number in range(8)]
    asks: list[Ask] = [("iam", "AttachRolePolicy", {"RoleName": "r", "PolicyArn": arn}) for arn in arns]
    document = allowing("s3:Get*")
    asks += [("iam", "PutRolePolicy", {"RoleName": "r", "PolicyName": n, "PolicyDocument": document}) for n in inline]
    asks += [("iam", "TagRole", {"RoleName": "r", "Tags": [{"Key": n, "Value": n}]}) for n in names]
    assert race.run(asks) == []
    attached = race.ask("iam", "ListAttachedRolePolicies", RoleName="r")["AttachedPolicies"]
    assert sorted(each["PolicyArn"] for each in attached) == sorted(arns)
    assert sorted(race.ask("iam", "ListRolePolicies", RoleName="r")["PolicyNames"]) == inline
    assert len(race.ask("iam", "ListRoleTags", RoleName="r")["Tags"]) == 8
    assert all(race.ask("iam", "GetPolicy", PolicyArn=arn)["Policy"]["AttachmentCount"] == 1 for arn in arns)


def test_versions_that_many_make_of_one_thing_are_counted_once_each(race: Race) -> None:
    race.ask("sagemaker", "CreateModelPackageGroup", ModelPackageGroupName="g")
    race.ask("sagemaker", "CreateImage", ImageName="i", RoleArn=ROLE)
    packages: list[Ask] = [
        ("sagemaker", "CreateModelPackage", {"ModelPackageGroupName": "g", "InferenceSpecification": _SPECIFICATION})
    ] * 24
    images: list[Ask] = [
        ("sagemaker", "CreateImageVersion", {"ImageName": "i", "BaseImage": "a", "ClientToken": f"t{n}"})
        for n in range(24)
    ]
    mixed = [ask for pair in zip(packages, images, strict=True) for ask in pair]
    told = race.answers(mixed)
    for member in ("ModelPackageArn", "ImageVersionArn"):
        numbers = sorted(int(each[member].rsplit("/")[-1]) for each in told if member in each)
        assert numbers == list(range(1, 25)), member


def test_of_many_who_make_the_same_one_only_one_is_told_so(race: Race) -> None:
    once: Sequence[Ask] = (
        ("sagemaker", "CreateModel", {"ModelName": "a", "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "a"}}),
        ("sagemaker", "CreateExperiment", {"ExperimentName": "a"}),
        ("iam", "CreateUser", {"UserName": "a"}),
        ("iam", "CreateGroup", {"GroupName": "A"}),
        ("events", "CreateEventBus", {"Name": "a"}),
        ("scheduler", "CreateScheduleGroup", {"Name": "a", "ClientToken": "none"}),
        ("logs", "CreateLogGroup", {"logGroupName": "a"}),
        ("ecr", "CreateRepository", {"repositoryName": "a1"}),
    )
    for ask in once:
        assert len(race.answers([ask] * AT_ONCE)) == (AT_ONCE if ask[0] == "scheduler" else 1), ask


def test_a_bucket_that_is_deleted_while_many_put_into_it_keeps_what_was_acknowledged(race: Race) -> None:
    for number in range(6):
        bucket = f"bucket{number}"
        race.ask("s3", "CreateBucket", Bucket=bucket)
        puts: list[Ask] = [("s3", "PutObject", {"Bucket": bucket, "Key": f"k{n}", "Body": b"x"}) for n in range(12)]
        asks = [*puts[:6], ("s3", "DeleteBucket", {"Bucket": bucket}), *puts[6:]]
        kept: list[str] = []

        def note(ask: Ask, answer: Answer, kept: list[str] = kept) -> None:
            if ask[1] == "PutObject" and answer.status == 200:
                kept.append(ask[2]["Key"])

        assert race.run(asks, note) == []
        if kept:
            listed = race.ask("s3", "ListObjectsV2", Bucket=bucket)
            assert sorted(each["Key"] for each in listed["Contents"]) == sorted(kept)
    assert _alone(race.store) == []
