"""The answer of another endpoint, where a bucket is kept there."""

from __future__ import annotations

from sagewright.edge.chain import Decoded
from sagewright.edge.console.protocol import ConsoleProtocol
from sagewright.edge.steps.form import answered
from sagewright.operations.call import Params
from sagewright.operations.s3.passing import passed
from sagewright.operations.s3.refusals import not_built
from sagewright.wire.http import Response


async def passed_through(decoded: Decoded) -> Response | Params | None:
    """The whole answer to a request to S3, or its members; None for those that are answered here."""
    routed = decoded.identified.routed
    if isinstance(routed.protocol, ConsoleProtocol) and decoded.call.services.objects.upstreams.of(
        decoded.params.get("Bucket", "")
    ):
        raise not_built("show buckets in the console that are passed through: ask with an SDK")
    answer = await passed(decoded.call, decoded.params, routed.addressed, decoded.identified.body)
    if isinstance(answer, Response) and routed.form is not None and answer.status < 300:
        return answered(routed.form, routed.raw, {"ETag": answer.headers["etag"]}, answer)
    return answer
