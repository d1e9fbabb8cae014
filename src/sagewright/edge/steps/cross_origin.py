"""Browsers that come from elsewhere: S3's buckets say what they may do. Other services have no such rules."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import unquote

from sagewright.base.errors import AwsError, SagewrightError
from sagewright.edge.chain import Raw
from sagewright.edge.steps.route import bucket_of_host
from sagewright.operations.call import Services
from sagewright.operations.s3 import cors
from sagewright.wire.http import Response


async def preflight(raw: Raw, services: Services) -> Response:
    """The answer to an OPTIONS request, which no browser signs."""
    request = raw.request
    bucket = _bucket(raw)
    if not bucket:
        raise AwsError("BadRequest", "Only S3's buckets have cross-origin rules: name one in the path.")
    headers = await asyncio.to_thread(cors.preflight, services.objects, bucket, request.headers)
    return Response(200, headers, b"")


async def opened(raw: Raw, services: Services, response: Response) -> Response:
    """The response to who has an origin, with the headers that let their script see it, if it is about a bucket that
    says so."""
    request = raw.request
    if request.method != "OPTIONS" and (bucket := _bucket(raw)):
        # The answer is made already: what keeps the rules from being read now takes nothing from it.
        with contextlib.suppress(SagewrightError):
            response.headers.update(
                await asyncio.to_thread(cors.headers_for, services.objects, bucket, request.method, request.headers)
            )
    return response


def _bucket(raw: Raw) -> str:
    """The bucket that a request to S3 is about; '' for none."""
    named = bucket_of_host(raw.request.headers.get("host", "").rsplit(":", 1)[0])
    return named if named is not None else unquote(raw.request.path.removeprefix("/").partition("/")[0])
