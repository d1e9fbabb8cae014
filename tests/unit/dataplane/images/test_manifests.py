"""What a manifest must say, and what it is taken for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright.dataplane.images import manifests
from sagewright.dataplane.images.manifests import DOCKER_IMAGE, OCI_IMAGE, OCI_INDEX, digest_of, read
from sagewright.dataplane.images.values import BadManifest

from .conftest import described, manifest

CONFIG = described(b"{}", "config")


def spelled(**content: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, **content}).encode()


def test_a_manifest_is_kept_to_the_byte_and_named_by_its_digest() -> None:
    data = json.dumps({"schemaVersion": 2, "config": CONFIG, "layers": []}, indent=7).encode()
    found = read(data, OCI_IMAGE)
    assert (found.text.encode(), found.digest) == (data, digest_of(data))
    assert (found.size, [*found.layers]) == (2, [CONFIG["digest"]])


@pytest.mark.parametrize(
    ("content", "along", "expected"),
    [
        ({"mediaType": DOCKER_IMAGE, "config": CONFIG, "layers": []}, None, DOCKER_IMAGE),
        ({"mediaType": DOCKER_IMAGE, "config": CONFIG, "layers": []}, f"{DOCKER_IMAGE}; charset=utf-8", DOCKER_IMAGE),
        ({"mediaType": DOCKER_IMAGE, "config": CONFIG, "layers": []}, "application/json", DOCKER_IMAGE),
        ({"config": CONFIG, "layers": []}, "", OCI_IMAGE),
        ({"manifests": []}, None, OCI_INDEX),
    ],
)
def test_the_media_type_is_what_is_said_or_what_the_content_shows(
    content: dict[str, Any], along: str | None, expected: str
) -> None:
    assert read(spelled(**content), along).media_type == expected


def test_layers_that_are_fetched_elsewhere_need_not_be_here() -> None:
    foreign = {
        **described(b"w"),
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "urls": ["u"],
    }
    assert [*read(spelled(config=CONFIG, layers=[foreign])).layers] == [CONFIG["digest"]]


def test_what_it_is_about_and_what_kind_it_is_are_read() -> None:
    found = manifest(subject=CONFIG, artifactType="application/x-s", annotations={"a": "b", "c": 1})
    assert (found.subject, found.artifact_type, found.annotations) == (CONFIG["digest"], "application/x-s", {"a": "b"})
    assert manifest().artifact_type == CONFIG["mediaType"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"schemaVersion": 1}',
        spelled(),
        spelled(config=CONFIG),
        spelled(config=CONFIG, layers={}),
        spelled(config=CONFIG, layers=[1]),
        spelled(config=CONFIG, layers=[{"digest": "sha256:1", "size": 1}]),
        spelled(config=CONFIG, layers=[{"digest": CONFIG["digest"], "size": -1}]),
        spelled(config=CONFIG, layers=[{"digest": CONFIG["digest"], "size": True}]),
        spelled(config=CONFIG, layers=[], subject="x"),
        spelled(config=CONFIG, layers=[], mediaType="text/plain"),
        spelled(config=CONFIG, layers=[], mediaType=["text/plain"]),
        spelled(manifests=[{}]),
        b"{" + b" " * manifests.LARGEST + b"}",
    ],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(BadManifest):
        read(data)


def test_a_manifest_sent_as_something_else_is_refused() -> None:
    with pytest.raises(BadManifest, match="was sent as"):
        read(spelled(mediaType=DOCKER_IMAGE, config=CONFIG, layers=[]), OCI_IMAGE)
