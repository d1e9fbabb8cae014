"""What feeders are given to send."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any, Literal

import pytest

import sagewright_container
from sagewright.base.clock import SystemClock
from sagewright.base.errors import Terminal
from sagewright.compute import sandbox
from sagewright.compute.base import Mount, Task
from sagewright.compute.process import ProcessEngine
from sagewright.controllers.channels import keeping, pipes
from sagewright.controllers.channels.channel import Host

from .conftest import LARGE, Box, channel


def test_objects_are_sent_in_the_order_of_their_keys(box: Box) -> None:
    box.put_at({"d/b": b"2", "d/a": LARGE, "d/c": b"", "d/d": b"4"})
    staged = box.stage(channel("s3://b/d/", "Pipe"))
    assert staged.sent() == [LARGE, b"2", b"", b"4"]
    assert staged.mounts == [Mount(staged.folder / "pipes", "/opt/ml/input/.pipes")]
    assert staged.feed() == {"pieces": 1, "gzip": 0, "record_io": 0}
    assert not (staged.folder / "ml/input/data/c").exists()


def test_files_are_spread_over_folders(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_PER_FOLDER", 2)
    box.put_at({f"d/{number}": LARGE + b"%d" % number for number in range(5)})
    folder = box.stage(channel("s3://b/d/", "Pipe")).folder / "pipes" / "c"
    assert [path.name for path in sorted(folder.glob("*/*"))] == ["1", "2", "3", "4", "5"]
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["0", "1", "2"]


def test_settings_reach_the_feeder(box: Box) -> None:
    box.put_at({"d/a": b"1"})
    asked = channel("s3://b/d/", "Pipe", CompressionType="Gzip", RecordWrapperType="RecordIO")
    assert box.stage(asked).feed() == {"pieces": 1, "gzip": 1, "record_io": 1}
    asked = channel("s3://b/d/", "Pipe", ShuffleConfig={"Seed": -5})
    assert box.stage(asked).feed() == {"pieces": 1, "gzip": 0, "record_io": 0, "seed": -5, "host": 0, "hosts": 1}


def test_what_is_shuffled_is_dealt_anew_in_each_epoch(box: Box) -> None:
    box.put_at({f"d/{number}": b"%d" % number for number in range(4)})
    sharded = {"S3DataDistributionType": "ShardedByS3Key"}
    asked = channel("s3://b/d/", "Pipe", source=sharded, ShuffleConfig={"Seed": 1})
    staged = box.stage(asked, hosts=(Host(0, 2), Host(1, 2)), index=1)
    assert len(staged.sent()) == 4
    assert (staged.feed()["host"], staged.feed()["hosts"]) == (1, 2)


def test_augmented_manifests(box: Box) -> None:
    lines = [
        {"image-ref": "s3://b/i/1", "label": 1, "more": "x"},
        {"label": "cat", "image-ref": "s3://b/i/2"},
        {"image-ref": "s3://b/i/1", "label": {"b": [1, 2]}},
    ]
    text = "\n\n".join(json.dumps(line) for line in lines)
    box.put_at({"i/1": LARGE, "i/2": b"two", "m": text.encode()})
    source: dict[str, Any] = {"AttributeNames": ["image-ref", "label"]}
    staged = box.stage(channel("s3://b/m", "Pipe", "AugmentedManifestFile", source=source))
    assert staged.sent() == [LARGE, b"1", b"two", b"cat", LARGE, b'{"b":[1,2]}']
    assert staged.feed()["pieces"] == 2
    source = {"AttributeNames": ["label"], "S3DataDistributionType": "ShardedByS3Key"}
    asked = channel("s3://b/m", "Pipe", "AugmentedManifestFile", source=source)
    assert box.stage(asked, hosts=(Host(0, 2), Host(1, 2)), index=0).sent() == [b"1", b'{"b":[1,2]}']


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "the augmented manifest has no lines"),
        (b'{"a": 1}\n{', "line 2 of the augmented manifest is not JSON"),
        (b"[]", "line 1 of the augmented manifest is not a JSON object"),
        (b'{"b": 1}', "line 1 of the augmented manifest has no attribute 'a'"),
        (b'{"a": 1, "x-ref": 5}', "'x-ref' in line 1 of the augmented manifest is not an address: 5"),
        (b'{"a": 1, "x-ref": "s3://b/none"}', "NoSuchObject: b/none"),
        (b'{"a": 1, "x-ref": "s3:///x"}', "is not an S3 URI"),
    ],
)
def test_bad_augmented_manifests(box: Box, text: bytes, words: str) -> None:
    box.put_at({"m": text})
    names = ["a", "x-ref"] if b"x-ref" in text else ["a"]
    with pytest.raises(Terminal, match=r"^ClientError: ") as caught:
        box.stage(channel("s3://b/m", "Pipe", "AugmentedManifestFile", source={"AttributeNames": names}))
    assert words in str(caught.value)


def test_the_command_is_wrapped_where_there_are_pipes() -> None:
    command = ("python", "train.py")
    assert pipes.wrapped(command, [Mount(Path("/x"), "/opt/ml/input/data/c")]) == command
    wrapped = pipes.wrapped(command, [pipes.mount(Path("/x"))])
    assert wrapped == ("python", "-S", "-m", "sagewright_container.pipes", "--", *command)


@pytest.mark.parametrize("mode", ["on", "off"])
def test_a_task_reads_its_pipes_in_a_sandbox_and_without(box: Box, tmp_path: Path, mode: Literal["on", "off"]) -> None:
    if mode == "on" and (reason := sandbox.available()):
        pytest.skip(reason)
    box.put_at({"d/a": LARGE, "d/b": b"end\n"})
    box.sealed = mode == "on"
    staged = box.stage(channel("s3://b/d/", "Pipe"))
    toolkit = Path(sagewright_container.__file__).parents[1]
    engine = ProcessEngine(tmp_path / "engine", SystemClock(), mode, toolkit=toolkit)
    script = (
        'cd "${SAGEMAKER_BASE_DIR:-/opt/ml}/input"; cat data/c_0 | wc -c; cat data/c_1 | wc -c; echo x > .pipes/c/0/1'
    )
    task = Task(
        "task",
        pipes.wrapped(("sh", "-c", f"{script}; exit 5"), staged.mounts),
        python=Path(sys.prefix),
        folder=staged.folder / "ml",
        mounts=staged.mounts,
    )
    try:
        engine.start(task)
        ended = threading.Event()
        engine.watch("task", ended.set)
        assert ended.wait(60)
        lines = [line.message for line in engine.logs("task", offset=0)]
        assert engine.inspect("task").exit_code == 5, lines
        assert [line.strip() for line in lines[:2]] == [str(len(LARGE) + 4)] * 2
        # Whatever a task can write to, it is not what is stored.
        assert (staged.sent() == [LARGE, b"end\n"]) == (mode == "on")
        assert box.objects.read("s3://b/d/a") == LARGE
    finally:
        engine.destroy("task")
        engine.close()
