"""Which objects a host gets, and in which order."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import pytest

from sagewright.base.errors import Terminal
from sagewright.controllers.channels.channel import Host

from .conftest import Box, channel

TWO = (Host(0, 2), Host(1, 2))


def manifest(*names: str, prefix: str = "s3://b/d/") -> bytes:
    return json.dumps([{"prefix": prefix}, *names]).encode()


def test_a_manifest_names_its_files(box: Box) -> None:
    box.put_at({"d/a": b"1", "d/s/b": b"2", "d/c": b"3", "m": manifest("s/b", "a", "a")})
    assert box.stage(channel("s3://b/m", kind="ManifestFile")).files() == {"a": b"1", "s/b": b"2"}
    assert box.stage(channel("s3://b/m", "Pipe", "ManifestFile")).sent() == [b"2", b"1"]


def test_a_manifests_prefix_is_no_folder(box: Box) -> None:
    box.put_at({"d/part-1": b"1", "m": manifest("1", prefix="s3://b/d/part-")})
    assert box.stage(channel("s3://b/m", kind="ManifestFile")).files() == {"1": b"1"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[", "the manifest is not valid"),
        (b"[]", "the manifest is not valid"),
        (b'{"prefix": "s3://b/"}', "the manifest is not valid"),
        (b'["a"]', "the manifest is not valid"),
        (b'[{"prefix": 1}, "a"]', "the manifest is not valid"),
        (b'[{"prefix": "s3://b/"}, 1]', "the manifest is not valid"),
        (b'[{"prefix": "s3://b/"}]', "the manifest names no objects"),
        (manifest("none"), "NoSuchObject: b/d/none"),
        (manifest("a", prefix="s3://none/"), "NoSuchBucket: none"),
        (manifest("../x"), "NoSuchObject"),
        (b"\xff", "the manifest is not valid"),
    ],
)
def test_bad_manifests(box: Box, text: bytes, words: str) -> None:
    box.put_at({"m": text})
    with pytest.raises(Terminal, match=r"ClientError: Data download failed for s3://b/m \(channel 'c'\)") as caught:
        box.stage(channel("s3://b/m", kind="ManifestFile"))
    assert words in str(caught.value)


def test_an_empty_prefix_is_told_in_awss_words(box: Box) -> None:
    box.put_at({"d/": b""})
    for mode in ("File", "FastFile", "Pipe"):
        with pytest.raises(Terminal, match=r"^ClientError: Data download failed: No S3 objects found under S3 URL"):
            box.stage(channel("s3://b/d/", mode))


@pytest.mark.parametrize("mode", ["File", "FastFile", "Pipe"])
def test_keys_are_dealt_over_the_hosts(box: Box, mode: str) -> None:
    box.put_at({f"d/{number}": b"%d" % number for number in range(7)})
    sharded = channel("s3://b/d/", mode, source={"S3DataDistributionType": "ShardedByS3Key"})
    staged = [box.stage(sharded, hosts=TWO, index=index) for index in range(2)]
    if mode == "Pipe":
        assert [each.sent() for each in staged] == [[b"0", b"2", b"4", b"6"], [b"1", b"3", b"5"]]
    else:
        assert [sorted(each.files()) for each in staged] == [["0", "2", "4", "6"], ["1", "3", "5"]]


def test_a_host_without_a_share_gets_an_empty_channel(box: Box) -> None:
    box.put_at({"d/a": b"1"})
    sharded = channel("s3://b/d/", source={"S3DataDistributionType": "ShardedByS3Key"})
    assert box.stage(sharded, hosts=TWO, index=1).files() == {}
    sharded["InputMode"] = "Pipe"
    assert box.stage(sharded, hosts=TWO, index=1).sent() == []


def test_a_replicated_channel_is_everybodys(box: Box) -> None:
    box.put_at({"d/a": b"1", "d/b": b"2"})
    for index in range(2):
        assert sorted(box.stage(channel("s3://b/d/"), hosts=TWO, index=index).files()) == ["a", "b"]


def test_a_seed_deals_in_another_order(box: Box) -> None:
    box.put_at({f"d/{number}": b"%d" % number for number in range(20)})

    def dealt(**members: Any) -> list[list[str]]:
        sharded = channel("s3://b/d/", source={"S3DataDistributionType": "ShardedByS3Key"}, **members)
        return [sorted(box.stage(sharded, hosts=TWO, index=index).files()) for index in range(2)]

    plain, shuffled = dealt(), dealt(ShuffleConfig={"Seed": 4})
    assert sorted(chain(*shuffled)) == sorted(chain(*plain))
    assert shuffled != plain
    assert shuffled == dealt(ShuffleConfig={"Seed": 4})


def test_a_channel_of_some_groups_is_dealt_to_their_hosts(box: Box) -> None:
    box.put_at({f"d/{number}": b"%d" % number for number in range(4)})
    hosts = (Host(0, 3, "cpu"), Host(1, 3, "gpu"), Host(2, 3, "gpu"))
    source = {"S3DataDistributionType": "ShardedByS3Key", "InstanceGroupNames": ["gpu"]}
    staged = [box.stage(channel("s3://b/d/", source=source), hosts=hosts, index=index) for index in range(3)]
    assert not (staged[0].folder / "ml/input/data/c").exists()
    assert [sorted(each.files()) for each in staged[1:]] == [["0", "2"], ["1", "3"]]
