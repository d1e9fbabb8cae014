"""Components of jobs: their metrics while the job runs, and how both end in one commit, whoever writes meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sagewright.base.errors import StaleRecord
from sagewright.compute.base import Task
from sagewright.compute.fake import Plan
from sagewright.controllers import trial_component
from sagewright.controllers.metric_files import FOLDER
from sagewright.controllers.pump import pump
from sagewright.controllers.trial_component import Found, finish, note
from sagewright.resources import trial_component as components
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query

from .conftest import ACCOUNT, REGION, Bench, Killed

KEY = Key(ACCOUNT, REGION, "training-job", "", "Job")
SPEC: dict[str, Any] = {
    "AlgorithmSpecification": {"TrainingImage": "image"},
    "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/data"}}}],
}


@pytest.fixture
def job(bench: Bench) -> Record:
    """A job that runs, and the component that was written with it."""
    record = Record(KEY, "uid-job", 0.0, 0.0, spec=SPEC, state="InProgress")
    component = Record(
        components.key_of(record),
        "uid-component",
        0.0,
        0.0,
        spec={"TrialComponentName": components.name_of(record)},
        status={
            "TrialComponentArn": "arn:component",
            "Source": components.source(record),
            "Status": {"PrimaryStatus": "InProgress"},
        },
    )
    return bench.store.write([("create", record), ("create", component)])[0]


def component(bench: Bench) -> Record:
    found = bench.store.get(components.key_of(Record(KEY, "", 0.0, 0.0)))
    assert found is not None
    return found


def completed(job: Record) -> Record:
    model = {"S3ModelArtifacts": "s3://b/model.tar.gz"}
    return replace(job, state="Completed", status={**job.status, "ModelArtifacts": model, "TrainingEndTime": 9.0})


def kinds(bench: Bench) -> dict[str, int]:
    return {kind: bench.store.count(Query(ACCOUNT, REGION, kind)) for kind in ("artifact", "association")}


def values(bench: Bench, name: str = "loss") -> list[tuple[int | None, float]]:
    return [(point.step, point.value) for point in bench.metrics.components.points("uid-component", name)]


# How both end.


def test_a_component_ends_with_its_job(bench: Bench, job: Record) -> None:
    assert finish(bench.platform, completed(job)).state == "Completed"
    status = component(bench).status
    assert status["Status"]["PrimaryStatus"] == "Completed"
    assert status["EndTime"] == 9.0
    assert status["OutputArtifacts"] == {"SageMaker.ModelArtifact": {"Value": "s3://b/model.tar.gz"}}
    assert kinds(bench) == {"artifact": 3, "association": 3}


def test_the_same_address_is_the_same_artifact(bench: Bench, job: Record) -> None:
    other = bench.store.create(Record(KEY._replace(name="other"), "uid-other", 0.0, 0.0, spec=SPEC, state="InProgress"))
    status = {"TrialComponentArn": "arn:other", "Source": components.source(other)}
    bench.store.create(Record(components.key_of(other), "uid-other-component", 0.0, 0.0, status=status))
    finish(bench.platform, completed(job))
    finish(bench.platform, completed(other))
    assert kinds(bench) == {"artifact": 3, "association": 6}


def test_a_user_who_writes_the_component_meanwhile_is_not_undone(
    bench: Bench, job: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.change(component(bench).key, spec={"TrialComponentName": "x", "DisplayName": "mine"})
    stale = [component(bench)]
    bench.change(stale[0].key, spec={"TrialComponentName": "x", "DisplayName": "mine too"})
    real = trial_component.of
    monkeypatch.setattr(trial_component, "of", lambda store, job: stale.pop() if stale else real(store, job))
    finish(bench.platform, completed(job))
    assert component(bench).spec["DisplayName"] == "mine too"
    assert component(bench).status["Status"]["PrimaryStatus"] == "Completed"


def test_a_job_that_was_written_meanwhile_is_left_alone(bench: Bench, job: Record) -> None:
    bench.change(KEY, intent="stop")
    with pytest.raises(StaleRecord):
        finish(bench.platform, completed(job))
    assert component(bench).status["Status"]["PrimaryStatus"] == "InProgress"
    assert kinds(bench) == {"artifact": 0, "association": 0}


def test_a_component_that_was_deleted_is_not_missed(bench: Bench, job: Record) -> None:
    bench.store.delete(component(bench))
    assert finish(bench.platform, completed(job)).state == "Completed"
    note(bench.platform, job, "log", [Found("loss", 1.0, 0.0, 5)])
    assert kinds(bench) == {"artifact": 0, "association": 0}
    assert values(bench) == []


def test_what_goes_in_and_comes_out_at_one_place_is_one_artifact(bench: Bench, job: Record) -> None:
    model = {"S3ModelArtifacts": "s3://b/data"}
    finish(bench.platform, replace(completed(job), status={"ModelArtifacts": model}))
    assert kinds(bench) == {"artifact": 2, "association": 3}


# Its metrics while it runs.


def test_values_in_the_log_are_points_once_whoever_dies(
    bench: Bench, job: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.engine.plan("*", Plan(after=None))
    bench.engine.start(Task("t", ["x"]))
    definitions = [{"Name": "loss", "Regex": "loss=([0-9.a-z]+)"}]

    def carry() -> None:
        pump(bench.platform, job, "t", group="g", stream="s", metrics=definitions)

    bench.engine.say("t", "loss=3", "loss=nan", "loss=2")

    def die(*_: Any, **__: Any) -> None:
        raise Killed("before the lines are in the log")

    with monkeypatch.context() as patch:
        patch.setattr(type(bench.logs), "append_from", die)
        with pytest.raises(Killed):
            carry()
    assert [value for _, value in values(bench)] == [3.0, 2.0]
    bench.engine.say("t", "loss=1")
    carry()
    assert [value for _, value in values(bench)] == [3.0, 2.0, 1.0]
    (summary,) = bench.metrics.components.summaries("uid-component")
    assert (summary.count, summary.last) == (3, 1.0)


def test_files_of_metrics_are_read_line_by_line(bench: Bench, job: Record) -> None:
    folder = bench.platform.ml_folder("t") / FOLDER
    folder.mkdir(parents=True)

    def line(value: Any, step: Any = None, **more: Any) -> str:
        told = {"MetricName": "loss", "Value": value, "Timestamp": 5.0, **more}
        return json.dumps(told | ({} if step is None else {"IterationNumber": step}))

    def carry() -> None:
        pump(bench.platform, job, "t", group="g", stream="s")

    path = folder / "7.json"
    path.write_text(f"{line(0.5, 0)}\nno json\n{line(0.4, -1)}\n{line('x', 1)}\n[1]\n{line(0.3, 2)}\n{line(0.2, 3)}")
    carry()
    carry()
    assert values(bench) == [(0, 0.5), (2, 0.3)]
    with path.open("a") as file:
        file.write(f"\n{line(0.1)}\n")
    (folder / "8.json").write_text(f"{line(9.0, 9)}\n")
    carry()
    assert values(bench) == [(0, 0.5), (2, 0.3), (3, 0.2), (None, 0.1), (9, 9.0)]


def test_no_link_leads_out_of_the_tasks_folder(bench: Bench, job: Record) -> None:
    secret = bench.folder / "secret"
    secret.write_text('{"MetricName": "loss", "Value": 1, "Timestamp": 1}\n')
    folder = bench.platform.ml_folder("t") / FOLDER
    folder.mkdir(parents=True)
    (folder / "1.json").symlink_to(secret)
    pump(bench.platform, job, "t", group="g", stream="s")
    assert values(bench) == []
