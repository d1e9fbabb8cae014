"""Images by the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sagewright.testing.world import Client, World

Code = Callable[..., str]
Push = Callable[..., str]
NONE = "sha256:" + "0" * 64


def test_an_image_is_got_by_tag_and_digest_and_what_is_missing_is_a_failure(ecr: Client, push: Push) -> None:
    digest = push("one", "v1")
    wanted = [
        {"imageTag": "v1"},
        {"imageDigest": digest},
        {"imageTag": "v2"},
        {"imageTag": "v1", "imageDigest": NONE},
        {},
        {"imageDigest": "x"},
        {"imageTag": "a b"},
    ]
    answer = ecr.batch_get_image(repositoryName="app", imageIds=wanted)
    assert [image["imageId"] for image in answer["images"]] == [
        {"imageDigest": digest, "imageTag": "v1"},
        {"imageDigest": digest},
    ]
    assert json.loads(answer["images"][0]["imageManifest"])["annotations"] == {"name": "one"}
    assert [failure["failureCode"] for failure in answer["failures"]] == [
        "ImageNotFound",
        "ImageTagDoesNotMatchDigest",
        "MissingDigestAndTag",
        "InvalidImageDigest",
        "InvalidImageTag",
    ]


def test_only_accepted_media_types_are_given(ecr: Client, push: Push) -> None:
    push("one", "v1")
    asked = {"repositoryName": "app", "imageIds": [{"imageTag": "v1"}]}
    assert not ecr.batch_get_image(**asked, acceptedMediaTypes=["application/x"])["images"]
    assert ecr.batch_get_image(**asked, acceptedMediaTypes=["application/vnd.oci.image.index.v1+json"])["images"]


def test_images_that_will_not_do_are_refused(ecr: Client, push: Push, code: Code) -> None:
    push("one", "v1")
    content = json.dumps({"schemaVersion": 2, "manifests": [], "annotations": {"name": "one"}})
    put = {"repositoryName": "app", "imageManifest": content}
    assert code(ecr.put_image, **put, imageTag="v1") == "ImageAlreadyExistsException"
    assert code(ecr.put_image, **put) == "ImageAlreadyExistsException"
    assert code(ecr.put_image, **put, imageTag="v2", imageDigest=NONE) == "ImageDigestDoesNotMatchException"
    assert code(ecr.put_image, **put, imageTag="a b") == "InvalidParameterException"
    assert code(ecr.put_image, repositoryName="app", imageManifest="x") == "InvalidParameterException"
    other = json.dumps({"schemaVersion": 2, "manifests": [{"digest": NONE, "size": 1}]})
    refused = code(ecr.put_image, repositoryName="app", imageManifest=other)
    assert refused == "ReferencedImagesNotFoundException"
    layers = {"schemaVersion": 2, "config": {"digest": NONE, "size": 1}, "layers": []}
    refused = code(ecr.put_image, repositoryName="app", imageManifest=json.dumps(layers))
    assert refused == "LayersNotFoundException"
    ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    content = json.dumps({"schemaVersion": 2, "manifests": []})
    refused = code(ecr.put_image, repositoryName="app", imageManifest=content, imageTag="v1")
    assert refused == "ImageTagAlreadyExistsException"


def test_lists_have_a_row_for_each_tag_and_pages_lose_none(ecr: Client, push: Push) -> None:
    digests = [push("one", "v1"), push("two"), push("three", "v3")]
    content = json.dumps({"schemaVersion": 2, "manifests": [], "annotations": {"name": "one"}})
    ecr.put_image(repositoryName="app", imageManifest=content, imageTag="v2")
    whole = ecr.list_images(repositoryName="app")["imageIds"]
    rows = sorted((row["imageDigest"], row.get("imageTag")) for row in whole if "imageTag" in row)
    assert rows == sorted([(digests[0], "v1"), (digests[0], "v2"), (digests[2], "v3")])
    paged: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = ecr.list_images(repositoryName="app", maxResults=1, **token)
        paged += page["imageIds"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert paged == whole
    untagged = ecr.list_images(repositoryName="app", filter={"tagStatus": "UNTAGGED"})["imageIds"]
    assert untagged == [{"imageDigest": digests[1]}]
    assert ecr.list_images(repositoryName="app", filter={"imageStatus": "ARCHIVED"})["imageIds"] == []


def test_details_say_what_there_is(world: World, ecr: Client, push: Push, code: Code) -> None:
    digest = push("one", "v1")
    found = ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert [(each["imageDigest"], each["imageTags"]) for each in found] == [(digest, ["v1"])]
    assert "lastRecordedPullTime" not in found[0]
    world.clock.advance(5)
    ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    found = ecr.describe_images(repositoryName="app")["imageDetails"]
    assert found[0]["lastRecordedPullTime"] == found[0]["imagePushedAt"] + 5
    asked = {"repositoryName": "app", "imageIds": [{"imageTag": "v2"}]}
    assert code(ecr.describe_images, **asked) == "ImageNotFoundException"
    assert code(ecr.describe_images, repositoryName="app", imageIds=[{}]) == "InvalidParameterException"


def test_deletions_answer_for_each(ecr: Client, push: Push) -> None:
    digest = push("one", "v1")
    gone = push("two")
    wanted = [{"imageTag": "v1"}, {"imageDigest": gone}, {"imageTag": "v9"}]
    answer = ecr.batch_delete_image(repositoryName="app", imageIds=wanted)
    assert answer["imageIds"] == [{"imageDigest": digest, "imageTag": "v1"}, {"imageDigest": gone}]
    assert [failure["imageId"] for failure in answer["failures"]] == [{"imageTag": "v9"}]


def test_an_index_goes_before_the_images_it_names(ecr: Client, push: Push) -> None:
    child = push("child")
    content = json.dumps({"schemaVersion": 2, "manifests": [{"digest": child, "size": 1}]})
    ecr.put_image(repositoryName="app", imageManifest=content, imageTag="all")
    asked = {"repositoryName": "app", "imageIds": [{"imageDigest": child}]}
    assert ecr.batch_delete_image(**asked)["failures"][0]["failureCode"] == "ImageReferencedByManifestList"
    both = [{"imageDigest": child}, {"imageTag": "all"}]
    assert not ecr.batch_delete_image(repositoryName="app", imageIds=both)["failures"]
    assert ecr.list_images(repositoryName="app")["imageIds"] == []
