"""Images, tags and layers: what is kept together, and what goes when nobody wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from sagewright.dataplane.images.manifests import digest_of
from sagewright.dataplane.images.values import (
    ImageExists,
    ImageReferenced,
    NoSuchImage,
    NoSuchImages,
    NoSuchLayers,
    NoSuchRepository,
    Repository,
    RepositoryExists,
    RepositoryNotEmpty,
    TagDiffers,
    TagFixed,
)

from .conftest import APP, Shelf, described, index, manifest

OTHER = Repository("eu-west-1", "other")


def name(data: bytes) -> str:
    return digest_of(data).partition(":")[2]


def test_an_image_is_found_by_digest_and_tag(shelf: Shelf) -> None:
    image = shelf.image(b"one", tag="v1")
    assert shelf.images.find(APP, tag="v1").name == image.name
    assert shelf.images.find(APP, digest=image.name).spec["tags"] == ["v1"]
    assert image.spec["size"] == len(b"one") + len(b"{}")
    with pytest.raises(NoSuchImage):
        shelf.images.find(APP, tag="v2")
    with pytest.raises(TagDiffers):
        shelf.images.find(APP, digest=digest_of(b""), tag="v1")
    with pytest.raises(NoSuchRepository):
        shelf.images.find(OTHER, tag="v1")


def test_nothing_is_kept_of_an_image_whose_layers_are_missing(shelf: Shelf) -> None:
    shelf.layer(b"{}")
    with pytest.raises(NoSuchLayers) as refused:
        shelf.images.put(APP, manifest(b"one"), "v1")
    assert refused.value.digests == [digest_of(b"one")]
    assert not [*shelf.images.all(APP)]
    assert shelf.images.tags(APP, limit=10) == []


def test_a_tag_moves_to_the_newer_image(shelf: Shelf) -> None:
    first, second = shelf.image(b"one", tag="v1"), shelf.image(b"two", tag="v1")
    assert shelf.images.find(APP, tag="v1").name == second.name
    assert shelf.images.find(APP, digest=first.name).spec["tags"] == []


def test_the_same_image_gets_another_tag_but_not_the_same_twice(shelf: Shelf) -> None:
    image = shelf.image(b"one", tag="v1")
    shelf.images.put(APP, manifest(b"one"), "v2")
    assert shelf.images.find(APP, digest=image.name).spec["tags"] == ["v1", "v2"]
    with pytest.raises(ImageExists):
        shelf.images.put(APP, manifest(b"one"), "v2")
    assert shelf.images.put(APP, manifest(b"one"), "v2", again=True).name == image.name


def test_a_fixed_tag_stays_and_excluded_ones_move(shelf: Shelf) -> None:
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    spec = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    shelf.images.configure(APP, lambda record: replace(record, spec=spec))
    shelf.image(b"one", tag="v1")
    shelf.image(b"one", tag="dev-1", annotations={"a": "b"})
    with pytest.raises(TagFixed):
        shelf.image(b"two", tag="v1")
    assert shelf.image(b"two", tag="dev-1").spec["tags"] == ["dev-1"]


def test_an_image_goes_with_its_last_tag_and_its_layers_with_the_image(shelf: Shelf) -> None:
    shelf.image(b"one", b"both", tag="v1")
    shelf.images.put(APP, manifest(b"one", b"both"), "v2")
    kept = shelf.image(b"both", tag="kept")
    assert [tag for _, tag in shelf.images.remove(APP, tag="v1")] == ["v1"]
    assert name(b"one") in shelf.files()
    shelf.images.remove(APP, tag="v2")
    assert [image.name for image in shelf.images.all(APP)] == [kept.name]
    assert shelf.files() == {name(b"both"), name(b"{}")}


def test_layers_that_another_repository_has_stay_on_disk(shelf: Shelf) -> None:
    shelf.images.create(OTHER, {}, {})
    image = shelf.image(b"one", tag="v1")
    shelf.images.mount(APP, OTHER, digest_of(b"one"))
    shelf.images.remove(APP, digest=image.name)
    assert shelf.images.layers.find(APP, digest_of(b"one")) is None
    assert shelf.images.layers.find(OTHER, digest_of(b"one")) is not None
    assert shelf.files() == {name(b"one")}


def test_a_layer_that_a_push_was_told_of_outlives_the_image_that_had_it(shelf: Shelf) -> None:
    image = shelf.image(b"one", tag="v1")
    assert shelf.images.layers.promise(APP, digest_of(b"one")) is not None
    shelf.images.remove(APP, digest=image.name)
    assert shelf.images.layers.find(APP, digest_of(b"one")) is not None
    shelf.images.put(APP, manifest(b"one", config={**described(b"one"), "mediaType": "x"}), "v2")
    shelf.images.layers.promise(APP, digest_of(b"one"))
    shelf.images.remove(APP, tag="v2")
    shelf.clock.advance(2 * 86_400)
    assert shelf.images.sweep(APP) == 1
    assert shelf.files() == set()


def test_an_index_needs_its_images_and_keeps_them(shelf: Shelf) -> None:
    child = shelf.image(b"one", tag="amd64")
    missing = replace(child, key=child.key._replace(name=digest_of(b"nothing")))
    with pytest.raises(NoSuchImages):
        shelf.images.put(APP, index(child, missing), "all")
    whole = shelf.images.put(APP, index(child), "all")
    assert whole.spec["size"] == child.spec["size"]
    with pytest.raises(ImageReferenced):
        shelf.images.remove(APP, digest=child.name)
    shelf.images.remove(APP, tag="amd64")
    assert shelf.images.find(APP, digest=child.name).spec["tags"] == []
    shelf.images.remove(APP, digest=whole.name)
    shelf.images.remove(APP, digest=child.name)
    assert shelf.files() == set()


def test_a_tag_may_move_from_an_image_to_the_index_that_names_it(shelf: Shelf) -> None:
    child = shelf.image(b"one", tag="latest")
    whole = shelf.images.put(APP, index(child), "latest")
    assert shelf.images.find(APP, tag="latest").name == whole.name
    left = shelf.images.find(APP, digest=child.name)
    assert (left.spec["tags"], left.spec["parents"]) == ([], [whole.name])


def test_what_is_about_an_image_is_listed_with_it(shelf: Shelf) -> None:
    image = shelf.image(b"one", tag="v1")
    subject = {"mediaType": image.spec["mediaType"], "size": 1, "digest": image.name}
    signature = shelf.image(b"signature", subject=subject, artifactType="application/x-signature")
    assert [record.name for record in shelf.images.referrers(APP, image.name)] == [signature.name]


def test_a_repository_goes_with_everything_in_it_only_if_forced(shelf: Shelf) -> None:
    with pytest.raises(RepositoryExists):
        shelf.images.create(APP, {}, {})
    shelf.image(b"one", tag="v1")
    upload = shelf.images.uploads.begin(APP)
    with pytest.raises(RepositoryNotEmpty):
        shelf.images.delete(APP, force=False)
    shelf.images.delete(APP, force=True)
    assert shelf.files() == set()
    shelf.images.create(APP, {}, {})
    assert not [*shelf.images.all(APP)]
    assert shelf.images.tags(APP, limit=10) == []
    assert shelf.images.uploads.ids() == set()
    assert upload


def test_a_start_removes_files_that_no_record_names(shelf: Shelf) -> None:
    shelf.image(b"one", tag="v1")
    kept = shelf.files()
    for stray in (shelf.folder / "ab" / ("ab" * 32), shelf.folder / "uploads" / "stray"):
        stray.parent.mkdir(exist_ok=True)
        stray.write_bytes(b"stray")
    shelf.opened()
    assert shelf.files() == kept


def test_pushes_and_deletions_are_told(shelf: Shelf, listening: Callable[[], list[Mapping[str, Any]]]) -> None:
    image = shelf.image(b"one", tag="v1")
    shelf.images.remove(APP, digest=image.name)
    about = {"result": "SUCCESS", "repository-name": "app", "image-digest": image.name, "image-tag": "v1"}
    told = sorted(listening(), key=lambda detail: str(detail["action-type"]), reverse=True)
    assert told == [{**about, "action-type": "PUSH"}, {**about, "action-type": "DELETE"}]
