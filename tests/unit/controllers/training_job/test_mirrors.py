"""What of a training job is kept in S3 while it runs."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from sagewright.compute.fake import Plan
from sagewright.controllers.training_job import TrainingJobs

from ..conftest import Bench, unpacked
from .conftest import Create, ended, stop, write


def test_checkpoints_go_both_ways(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=60, lines=["epoch"]))
    bench.files.held["b", "kept/epoch-1"] = b"1"
    bench.files.held["b", "kept-elsewhere/x"] = b"x"
    bench.clock.advance(time.time() - bench.clock.now())  # files have the machine's times
    key = create(CheckpointConfig={"S3Uri": "s3://b/kept"})
    bench.look(jobs, key)
    (task,) = bench.engine.started
    assert task.folder is not None
    assert [path.name for path in (task.folder / "checkpoints").iterdir()] == ["epoch-1"]
    assert json.loads((task.folder / "input/config/checkpointconfig.json").read_bytes()) == {
        "LocalPath": "/opt/ml/checkpoints",
        "S3Uri": "s3://b/kept",
    }
    bench.files.held["b", "kept/epoch-1"] = b"changed by somebody else"
    bench.engine.advance(5)
    write(bench, key, "checkpoints/deep/epoch-2", "2")
    os.utime(task.folder / "checkpoints/deep/epoch-2", (0, 0))  # a copying program may keep an old time
    (task.folder / "checkpoints/secret").symlink_to("/etc/passwd")
    bench.engine.advance(5)
    bench.look(jobs, key)
    assert kept(bench) == {"kept/epoch-1": b"changed by somebody else", "kept/deep/epoch-2": b"2"}
    write(bench, key, "checkpoints/last", "3")
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key)[0] == "Stopped"
    assert kept(bench)["kept/last"] == b"3"


def kept(bench: Bench) -> dict[str, bytes]:
    return {name: data for (_, name), data in bench.files.held.items() if name.startswith("kept/")}


def test_a_folder_elsewhere_is_shown_to_the_task_and_kept(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=5))
    key = create(
        CheckpointConfig={"S3Uri": "s3://b/kept/", "LocalPath": "/kept"},
        TensorBoardOutputConfig={"S3OutputPath": "s3://b/boards"},
    )
    bench.look(jobs, key)
    (task,) = bench.engine.started
    (mount,) = task.mounts
    assert (mount.target, mount.writable) == ("/kept", True)
    bench.clock.advance(time.time() - bench.clock.now())
    (mount.source / "epoch-1").write_text("1")
    write(bench, key, "output/tensorboard/events", "e")
    bench.engine.advance(5)
    bench.settle(jobs, key)
    assert kept(bench) == {"kept/epoch-1": b"1"}
    assert bench.files.held["b", "boards/j/tensorboard-output/events"] == b"e"


def test_a_mirrored_folder_that_became_a_link_is_not_followed(
    bench: Bench, jobs: TrainingJobs, create: Create, tmp_path: Path
) -> None:
    (tmp_path / "private" / "data").mkdir(parents=True)
    (tmp_path / "private" / "data" / "secret").write_text("s")
    bench.engine.plan("*", Plan(after=5))
    key = create(CheckpointConfig={"S3Uri": "s3://b/kept"})
    bench.look(jobs, key)
    (task,) = bench.engine.started
    assert task.folder is not None
    for name in ("checkpoints", "output", "model"):
        shutil.rmtree(task.folder / name)
        (task.folder / name).symlink_to(tmp_path / "private")
    bench.engine.advance(5)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    assert kept(bench) == {}
    assert [name for _, name in bench.files.held if name.startswith("out/")] == ["out/j/output/model.tar.gz"]
    assert unpacked(bench.files.held["b", "out/j/output/model.tar.gz"]) == {}
