"""SageMaker's state changes, told as they are written."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sagewright.base.errors import StaleRecord
from sagewright.base.ids import RandomIds
from sagewright.dataplane.events.bus import Bus
from sagewright.operations.events.state_changes import TABLE, Announcing
from sagewright.operations.sagemaker.nouns import NOUNS
from sagewright.resources.event import DELIVERY, RULE
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock
from sagewright.wire import model

ACCOUNT, REGION = "123456789012", "us-east-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"


class Told:
    """A store that announces, and what it announced."""

    def __init__(self, pattern: Any = None) -> None:
        self.inner = MemoryStore()
        self.store = Announcing(self.inner, Bus(self.inner, ManualClock(), RandomIds()))
        if pattern is not None:
            targets = [{"Id": "1", "Arn": TOPIC}]
            spec = {"EventPattern": json.dumps(pattern), "Targets": targets}
            self.inner.create(Record(Key(ACCOUNT, REGION, RULE, "default", "r"), "r", 0, 0, spec, state="ENABLED"))

    def events(self) -> list[Any]:
        records = self.inner.list(Query(ACCOUNT, REGION, DELIVERY), limit=100).records
        return [json.loads(record.spec["body"]) for record in records]


@pytest.fixture
def told() -> Told:
    return Told({"source": ["aws.sagemaker"]})


def job(state: str = "InProgress", secondary: str = "Starting") -> Record:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/job"
    status = {"TrainingJobArn": arn, "SecondaryStatus": secondary}
    spec = {"TrainingJobName": "job", "RoleArn": "role"}
    key = Key(ACCOUNT, REGION, "training-job", "", "job")
    return Record(key, "u", 1.5, 2.5, spec, status, state, tags={"team": "blue"})


def test_a_training_job_tells_its_life(told: Told) -> None:
    record = told.store.create(job())
    for state, secondary in (("InProgress", "Training"), ("InProgress", "Training"), ("Completed", "Completed")):
        status = {**record.status, "SecondaryStatus": secondary}
        record = told.store.update(replace(record, state=state, status=status))
    told.store.delete(record)
    events = told.events()
    assert sorted((e["detail"]["TrainingJobStatus"], e["detail"]["SecondaryStatus"]) for e in events) == [
        ("Completed", "Completed"),
        ("InProgress", "Starting"),
        ("InProgress", "Training"),
    ]
    first = next(e for e in events if e["detail"]["SecondaryStatus"] == "Starting")
    assert (first["source"], first["detail-type"]) == ("aws.sagemaker", "SageMaker Training Job State Change")
    assert first["resources"] == [record.status["TrainingJobArn"]]
    assert (first["detail"]["CreationTime"], first["detail"]["Tags"]) == (1500, {"team": "blue"})


def test_endpoints_spell_their_status_in_capitals(told: Told) -> None:
    key = Key(ACCOUNT, REGION, "endpoint", "", "e")
    told.store.create(Record(key, "u", 0, 0, {"EndpointName": "e"}, {"EndpointArn": "arn:e"}, "InService"))
    (event,) = told.events()
    assert event["detail"]["EndpointStatus"] == "IN_SERVICE"


def test_the_stages_of_a_deployment_are_told(told: Told) -> None:
    key = Key(ACCOUNT, REGION, "endpoint", "", "e")
    record = told.store.create(Record(key, "u", 0, 0, {"EndpointName": "e"}, {"EndpointArn": "arn:e"}, "Updating"))
    for status in ("Creating", "Creating", "Baking"):
        stage = {"Status": status, "StatusMessage": status, "StartTime": 1.5}
        variant = {"VariantName": "v", "VariantStatus": [stage]}
        pending = {"EndpointConfigName": "c", "ProductionVariants": [variant]}
        record = told.store.update(replace(record, status={**record.status, "PendingDeploymentSummary": pending}))
    told.store.update(replace(record, state="InService", status={"EndpointArn": "arn:e"}))
    deployments = [
        e["detail"] for e in told.events() if e["detail-type"] == "SageMaker Endpoint Deployment State Change"
    ]
    stages = [each["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"] for each in deployments]
    assert sorted(stage["Status"] for (stage,) in stages) == ["Baking", "Creating"]
    assert {stage["StartTime"] for (stage,) in stages} == {1500}
    assert {each["EndpointStatus"] for each in deployments} == {"UPDATING"}


def test_a_write_that_fails_tells_nothing(told: Told) -> None:
    record = told.store.create(job())
    told.store.update(replace(record, tags={}))
    with pytest.raises(StaleRecord):
        told.store.update(replace(record, state="Completed"))
    assert len(told.events()) == 1


def test_without_a_rule_nothing_is_written() -> None:
    told = Told()
    told.store.create(job())
    assert told.events() == []
    assert Told({"source": ["mine"]}).events() == []


def test_what_is_written_comes_back_without_what_was_told(told: Told) -> None:
    other = replace(job(), key=Key(ACCOUNT, REGION, "training-job", "", "other"))
    written = told.store.write([("create", job()), ("create", other)])
    assert [record.name for record in written] == ["job", "other"]


@pytest.mark.parametrize("kind", [kind for kind in TABLE if kind in NOUNS])
def test_every_noun_of_the_table_can_be_described(kind: str) -> None:
    assert f"Describe{NOUNS.load(kind).title}" in model.service("sagemaker").operation_names
