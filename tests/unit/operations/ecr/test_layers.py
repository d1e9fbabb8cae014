"""Layers by the API, in parts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sagewright.base.errors import AwsError
from sagewright.dataplane.images.manifests import digest_of
from sagewright.testing.world import Client

Code = Callable[..., str]
DATA = b"a layer"


def upload(ecr: Client) -> str:
    return str(ecr.initiate_layer_upload(repositoryName="app")["uploadId"])


def part(ecr: Client, upload_id: str, first: int, data: bytes) -> int:
    answer = ecr.upload_layer_part(
        repositoryName="app",
        uploadId=upload_id,
        partFirstByte=first,
        partLastByte=first + len(data) - 1,
        layerPartBlob=data,
    )
    return int(answer["lastByteReceived"])


def test_a_layer_comes_in_and_is_there(ecr: Client, code: Code) -> None:
    identity, digest = upload(ecr), digest_of(DATA)
    assert part(ecr, identity, 0, DATA) == len(DATA) - 1
    complete = {"repositoryName": "app", "uploadId": identity}
    assert code(ecr.complete_layer_upload, **complete, layerDigests=[digest_of(b"")]) == "InvalidLayerException"
    assert ecr.complete_layer_upload(**complete, layerDigests=[digest])["layerDigest"] == digest
    assert code(ecr.complete_layer_upload, **complete, layerDigests=[digest]) == "UploadNotFoundException"
    asked = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[digest, digest_of(b""), "md5:1"])
    assert [each["layerAvailability"] for each in asked["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
    assert asked["layers"][0]["layerSize"] == len(DATA)
    assert asked["failures"][0]["failureCode"] == "InvalidLayerDigest"


def test_a_part_out_of_order_is_told_where_to_go_on(ecr: Client) -> None:
    identity = upload(ecr)
    part(ecr, identity, 0, DATA)
    with pytest.raises(AwsError) as refused:
        part(ecr, identity, 3, DATA)
    assert refused.value.code == "InvalidLayerPartException"
    assert refused.value.fields["lastValidByteReceived"] == len(DATA) - 1


def test_parts_are_as_long_as_they_say(ecr: Client, code: Code) -> None:
    announced = {"repositoryName": "app", "uploadId": upload(ecr), "partFirstByte": 0, "partLastByte": 9}
    assert code(ecr.upload_layer_part, **announced, layerPartBlob=DATA) == "InvalidParameterException"
    assert code(ecr.complete_layer_upload, repositoryName="app", uploadId=announced["uploadId"],
                layerDigests=[digest_of(DATA)]) == "EmptyUploadException"  # fmt: skip


def test_a_layer_has_an_address_only_if_it_is_there(ecr: Client, code: Code) -> None:
    asked = {"repositoryName": "app", "layerDigest": digest_of(DATA)}
    assert code(ecr.get_download_url_for_layer, **asked) == "LayersNotFoundException"
    identity = upload(ecr)
    part(ecr, identity, 0, DATA)
    ecr.complete_layer_upload(repositoryName="app", uploadId=identity, layerDigests=[digest_of(DATA)])
    url = ecr.get_download_url_for_layer(**asked)["downloadUrl"]
    assert url.startswith(f"http://127.0.0.1:4700/v2/app/blobs/{digest_of(DATA)}?ticket=")
