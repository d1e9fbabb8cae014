"""Layers by the API: what docker does over HTTP, in steps of ECR's own."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from sagewright.base.errors import AwsError
from sagewright.dataplane.images.uploads import PART
from sagewright.dataplane.images.values import NoSuchLayers, OutOfOrder, UploadBusy
from sagewright.operations.call import Call, Params
from sagewright.operations.ecr import tickets
from sagewright.operations.ecr.common import named, repository_of
from sagewright.operations.ecr.refusals import answering, invalid
from sagewright.operations.table import Operations
from sagewright.resources.ecr import DIGEST

operations = Operations()

_DOWNLOAD: Final = 3600.0
"""Seconds for which an address of a layer holds."""
_MOST: Final = 100
_MEDIA_TYPE: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@operations
@answering
def batch_check_layer_availability(call: Call, request: Params) -> Params:
    repository, images = repository_of(call, request), call.services.images
    images.repository(repository)
    if len(request["layerDigests"]) > _MOST:
        raise invalid("layerDigests", f"one request may name {_MOST} layers")
    layers, failures = [], []
    for digest in request["layerDigests"]:
        if not DIGEST.fullmatch(digest):
            reason = "Invalid request parameters: layer digest should satisfy the regex 'sha256:[0-9a-f]{64}'"
            failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason})
            continue
        layer = images.layers.promise(repository, digest)
        if layer is None:
            layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
            continue
        layers.append(
            {
                "layerDigest": digest,
                "layerAvailability": "AVAILABLE",
                "layerSize": layer.size,
                "mediaType": layer.media_type or _MEDIA_TYPE,
            }
        )
    return {"layers": layers, "failures": failures}


@operations
@answering
def get_download_url_for_layer(call: Call, request: Params) -> Params:
    repository, digest, images = repository_of(call, request), request["layerDigest"], call.services.images
    images.repository(repository)
    if not DIGEST.fullmatch(digest) or images.layers.find(repository, digest) is None:
        raise NoSuchLayers([digest])
    ticket, _ = tickets.issue(call, tickets.of_layer(repository.name, digest), _DOWNLOAD)
    address = f"{call.host}/v2/{repository.name}/blobs/{digest}?ticket={quote(ticket)}"
    return {"downloadUrl": address, "layerDigest": digest}


# Uploads.


@operations
@answering
def initiate_layer_upload(call: Call, request: Params) -> Params:
    upload = call.services.images.uploads.begin(repository_of(call, request))
    return {"uploadId": upload, "partSize": PART}


@operations
@answering
def upload_layer_part(call: Call, request: Params) -> Params:
    repository, images = repository_of(call, request), call.services.images
    images.repository(repository)
    blob, first, last = request["layerPartBlob"], request["partFirstByte"], request["partLastByte"]
    if last - first + 1 != len(blob) or not blob:
        raise invalid("partLastByte", f"bytes {first} to {last} were announced, {len(blob)} came")
    try:
        writing = images.uploads.writing(repository, request["uploadId"])
        try:
            writing.expect(first)
            writing.write([blob])
            received = writing.commit()
        finally:
            writing.close()
    except (OutOfOrder, UploadBusy) as error:
        raise _out_of_order(call, request, error) from error
    return {**named(call, request), "uploadId": request["uploadId"], "lastByteReceived": received - 1}


def _out_of_order(call: Call, request: Params, error: OutOfOrder | UploadBusy) -> AwsError:
    upload = request["uploadId"]
    if isinstance(error, UploadBusy):
        received = call.services.images.uploads.received(repository_of(call, request), upload)
        why = "another part is being received just now: send one after the other"
    else:
        received = error.received
        why = f"it must begin at byte {received}"
    return AwsError(
        "InvalidLayerPartException",
        f"The part of the upload with id '{upload}' cannot be taken: {why}",
        fields={**named(call, request), "uploadId": upload, "lastValidByteReceived": received - 1},
    )


@operations
@answering
def complete_layer_upload(call: Call, request: Params) -> Params:
    repository, images = repository_of(call, request), call.services.images
    images.repository(repository)
    if len(request["layerDigests"]) != 1 or not DIGEST.fullmatch(request["layerDigests"][0]):
        raise invalid("layerDigests", "give the one sha256 digest of the layer")
    digest = request["layerDigests"][0]
    writing = images.uploads.writing(repository, request["uploadId"])
    try:
        writing.complete(digest, parts=True)
    finally:
        writing.close()
    return {**named(call, request), "uploadId": request["uploadId"], "layerDigest": digest}
