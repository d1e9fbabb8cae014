"""The way to Spark's history servers: asked for by a signed request, looked at with the session of an address.

    POST /_sagewright/spark-history?uri=s3://bucket/prefix    how the caller's server is, and an address once it serves
    NAME.spark.REGION.DOMAIN                                  its pages

What an application wrote into its log is on these pages. So each server has a host name of its own, as notebook
instances have: to its pages the console, and all others, are another origin. Pages are read and nothing is changed.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from sagewright.base.errors import AwsError
from sagewright.dataplane.tracking.connection import exchange
from sagewright.edge import visits
from sagewright.edge.chain import Raw, on_behalf
from sagewright.edge.console.cookies import read_cookie
from sagewright.operations.call import Call, Principal, Services
from sagewright.operations.console.sessions import root
from sagewright.operations.sagemaker.processing import spark_history
from sagewright.operations.tracking import sessions
from sagewright.resources.record import Key, Record
from sagewright.resources.spark_history_server import KIND
from sagewright.wire import sigv4
from sagewright.wire.http import Response

PATH: Final = "spark-history"
"""Below Sagewright's own prefix."""
_COOKIE: Final = "sagewright-spark-history"
_TOKEN: Final = "authToken"  # noqa: S105  # a parameter's name
_TITLE: Final = "Spark history"
_NOTHING: Final = hashlib.sha256(b"").hexdigest()
_NO_SESSION: Final = (
    "This history server has ended, or the address was used, or it or its session has run out. Open it again: in the "
    "console, or with `sagewright spark-history`."
)


class SparkHistory:
    """Answers requests to the host names of history servers, and who asks for one."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def ask(self, raw: Raw) -> dict[str, Any]:
        """For a signed request: see `spark_history.ask`. Raises AwsError. Call it from a thread."""
        if raw.request.method != "POST":
            raise AwsError("MethodNotAllowed", "Ask with POST.", status=405)
        principal, region = self._signer(raw)
        uri = dict(parse_qsl(raw.request.query)).get("uri", "")
        return spark_history.ask(self._call(raw, principal, region), uri)

    async def __call__(self, raw: Raw, name: str, region: str) -> Response:
        """A page."""
        return await visits.answered(raw, self._answer(raw, name, region), who="Spark's history server", title=_TITLE)

    async def _answer(self, raw: Raw, name: str, region: str) -> Response:
        if raw.request.method not in ("GET", "HEAD"):
            raise AwsError("MethodNotAllowed", "Spark's history is read, and not changed.", status=405)
        key = Key(self._services.settings.account, region, KIND, "", name)
        token = dict(parse_qsl(raw.request.query)).get(_TOKEN)
        if token is not None:
            return await asyncio.to_thread(self._open, raw, key, token)
        visits.check_origin(raw)
        socket = await asyncio.to_thread(self._visit, raw, key)
        answer = await exchange(socket, raw.request.method, visits.target(raw), visits.sent_on(raw), b"")
        kept = {name: value for name, value in answer.headers.items() if name not in visits.NOT_HANDED_BACK}
        if "location" in kept:
            kept["location"] = _here(kept["location"])
        return Response(answer.status, {**kept, "referrer-policy": "same-origin"}, answer.body)

    def _visit(self, raw: Raw, key: Key) -> str:
        """The socket that answers. Raises AwsError for who has no session of this server, or may not look any more."""
        record, token = self._services.store.get(key), read_cookie(raw, _COOKIE)
        if record is None or not token:
            raise AwsError("Unauthenticated", _NO_SESSION, status=401)
        self._check(raw, record, token)
        if "serving" not in record.status:
            raise AwsError("Unavailable", "Spark's history server does not answer. Open it again.", status=503)
        return str(record.status["serving"]["socket"])

    def _open(self, raw: Raw, key: Key, token: str) -> Response:
        """Exchange an address for a session."""
        record = self._services.store.get(key)
        opened = sessions.open_(self._services, record, token) if record is not None else None
        if record is None or opened is None:
            raise AwsError("Unauthenticated", _NO_SESSION, status=401)
        cookie, seconds = opened
        self._check(raw, record, cookie)
        return visits.session_opened(raw, _COOKIE, cookie, seconds, "/")

    def _check(self, raw: Raw, record: Record, token: str) -> None:
        """Raises AwsError unless the session's caller may read the logs now."""
        ticket = sessions.visitor(self._services, record, token)
        if ticket is None:
            raise AwsError("Unauthenticated", _NO_SESSION, status=401)
        refusal = spark_history.may_look(self._call(raw, ticket.principal, ticket.region), record)
        if refusal is not None:
            raise refusal

    def _signer(self, raw: Raw) -> tuple[Principal, str]:
        services, signature = self._services, sigv4.read(raw.request)
        if services.settings.auth == "off":
            return root(services), signature.region if signature is not None else services.settings.region
        if signature is None:
            raise AwsError("AccessDenied", "Sign the request.", status=403)
        now = services.clock.now()
        secret, principal = services.credentials.lookup(signature.access_key_id, signature.token, now=now)
        sigv4.verify(signature, raw.request, secret, now=now, body_sha256=_NOTHING)
        return principal, signature.region

    def _call(self, raw: Raw, principal: Principal, region: str) -> Call:
        return on_behalf(raw, self._services, principal, region, service="s3", operation="ListObjectsV2")


def _here(location: str) -> str:
    """Without scheme and host: Spark does not know how it is called."""
    parts = urlsplit(location)
    return parts._replace(scheme="", netloc="").geturl() or "/"
