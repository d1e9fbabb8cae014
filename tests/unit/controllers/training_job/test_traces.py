"""What a training job tells, and what nobody keeps of it."""

from __future__ import annotations

from sagewright.compute.fake import Plan
from sagewright.controllers import training_story
from sagewright.controllers.training_job import TrainingJobs

from ..conftest import IMAGE, Bench, packed
from .conftest import Create, ended, stop


def test_metrics_are_found_in_the_log(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    definitions = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
    algorithm = {"TrainingImage": IMAGE, "MetricDefinitions": definitions}
    bench.engine.plan("*", Plan(lines=["loss=0.5", "loss=0.25", "loss=no"], after=1))
    key = create(AlgorithmSpecification=algorithm)
    bench.look(jobs, key)
    bench.engine.advance(1)
    bench.settle(jobs, key)
    record = bench.store.get(key)
    assert record is not None
    (final,) = record.status["FinalMetricDataList"]
    assert (final["MetricName"], final["Value"]) == ("loss", 0.25)


def test_every_secondary_status_has_words() -> None:
    assert all(message.strip() for message in training_story.MESSAGES.values())


def test_nothing_is_kept_of_jobs_that_have_ended(bench: Bench, create: Create) -> None:
    room = bench.room(2)
    jobs = TrainingJobs(bench.platform, bench.wake, room)
    bench.files.held["b", "code.tar.gz"] = packed({"train.py": b"print()"})
    bench.files.held["b", "data/a/one.csv"] = b"1,2"
    bench.engine.plan("*", Plan(lines=["line"], after=3))
    bench.engine.plan("train-uid-bad*", Plan(exit_code=1, after=3))
    kept = {"CheckpointConfig": {"S3Uri": "s3://b/checkpoints"}}
    keys = [create(f"{'bad' if number % 4 == 0 else 'job'}-{number}", **kept) for number in range(40)]
    for key in keys[-5:]:
        stop(bench, key)
    for key in keys:
        bench.settle(jobs, key)
        bench.look(jobs, key)
    assert {ended(bench, key)[0] for key in keys} == {"Completed", "Failed", "Stopped"}
    assert not jobs._watch._watched
    assert not jobs._carrier._seen
    assert not jobs._carrier._looked
    assert not room._keys
    assert not room._admission.inside
    assert not room._admission.waiting
    assert bench.folders == []
