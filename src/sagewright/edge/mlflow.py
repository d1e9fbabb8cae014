"""The way to MLflow tracking servers and apps: who may ask is checked here, then the request goes to MLflow's process.

    /_sagewright/mlflow/<path>                        programs: a header has the server's ARN, the request is signed
    /_sagewright/mlflow/<kind>/<region>/<name>/<path>      the same by name, and browsers with a session
    /_sagewright/mlflow/<kind>/<region>/<name>/auth        opens a session, for a presigned address

`sagemaker-mlflow`, the plugin of MLflow's clients, asks the first once SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT names it; on
AWS it would ask `<region>.experiments.sagemaker.aws`. Refusals are in MLflow's form, which its clients show.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import parse_qsl

import orjson

from sagewright.base.errors import AwsError, Transient
from sagewright.dataplane.tracking.connection import Unreachable, exchange
from sagewright.edge import visits
from sagewright.edge.chain import Raw, on_behalf
from sagewright.edge.console.cookies import read_cookie
from sagewright.edge.steps.receive import read_body
from sagewright.operations.access.needs import Need
from sagewright.operations.call import Principal, Services
from sagewright.operations.console.sessions import root
from sagewright.operations.sagemaker import nouns
from sagewright.operations.tracking import calls, sessions
from sagewright.resources import mlflow_app, mlflow_tracking_server
from sagewright.resources.record import Key, Record
from sagewright.wire import sigv4
from sagewright.wire.http import Response

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

PATH: Final = "mlflow"
"""Below Sagewright's own prefix."""
_ARN_HEADERS: Final = ("x-mlflow-sm-tracking-server-arn", "x-sm-mlflow-app-arn")
_SIGNED_FOR: Final = {mlflow_tracking_server.KIND: "sagemaker-mlflow", mlflow_app.KIND: "sagemaker"}
"""By kind: the service that clients sign for."""
_ARN_MEMBERS: Final = {mlflow_tracking_server.KIND: "TrackingServerArn", mlflow_app.KIND: "Arn"}
_NAMED: Final = re.compile(rf"/({'|'.join(_SIGNED_FOR)})/([a-z0-9-]+)/([a-zA-Z0-9-]+)(/.*)?")
_COOKIE: Final = "sagewright-mlflow"
_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
)
_NOT_SENT_ON: Final = _HOP | {"authorization", "content-length", "cookie", "expect", "host", "origin", "referer"}
_NOT_SENT_PREFIXES: Final = ("sec-", "x-amz-", "x-forwarded-")
_NOT_HANDED_BACK: Final = _HOP | {"date", "server", "set-cookie"}
_ON_THE_WAY: Final = frozenset({"Creating", "Starting", "Updating", "Created", "Started", "Updated"})
"""States in which it answers soon."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """Who asks what of which server."""

    record: Record | None
    principal: Principal
    path: str
    """As MLflow sees it."""


class Mlflow:
    """Answers requests below its path."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, raw: Raw, rest: str) -> Response:
        """`rest` is what follows `mlflow` in the path."""
        try:
            response = await self._answer(raw, rest)
        except AwsError as error:
            response = _refused(raw, error)
        except (Transient, TimeoutError, Unreachable) as error:
            message = str(error) or "MLflow did not answer in time."
            response = _refused(raw, AwsError("TEMPORARILY_UNAVAILABLE", message, status=503))
        except Exception:  # noqa: BLE001
            _log.exception("request %s failed", raw.request_id)
            why = f"Sagewright failed to answer. Its log has the cause under request id {raw.request_id}."
            response = _refused(raw, AwsError("INTERNAL_ERROR", why, status=500))
        response.headers["x-amzn-requestid"] = raw.request_id
        return response

    async def _answer(self, raw: Raw, rest: str) -> Response:
        body = await read_body(raw.receive, raw.request.headers.get("content-length"))
        named = _NAMED.fullmatch(rest)
        if named is not None and named[4] is None:
            return Response(307, {"location": f"{raw.request.path}/"})
        if named is not None and named[4] == "/auth":
            return await self._on_loop(lambda: self._open(raw, self._named(named)))
        visit = await self._on_loop(lambda: self._visit(raw, rest, body))
        record = visit.record
        if record is None:
            raise AwsError("RESOURCE_DOES_NOT_EXIST", "There is no such MLflow tracking server or app.", status=404)
        serving: Mapping[str, str] | None = record.status.get("serving")
        if serving is None:
            raise _silent(record)
        return await _passed(raw, serving["socket"], visit.path, body)

    async def _on_loop(self, look: Callable[[], _T]) -> _T:
        """Records are looked at on the loop where that takes microseconds."""
        return look() if self._services.store.local else await asyncio.to_thread(look)

    # Who asks.

    def _visit(self, raw: Raw, rest: str, body: bytes) -> _Visit:
        """Raises AwsError for whoever cannot prove to be somebody, or may not ask for this."""
        arn = next((raw.request.headers[name] for name in _ARN_HEADERS if name in raw.request.headers), None)
        named = _NAMED.fullmatch(rest) if arn is None else None
        if arn is None and named is None:
            raise AwsError("ENDPOINT_NOT_FOUND", _NO_SERVER, status=404)
        record = self._by_arn(arn) if arn is not None else named and self._named(named)
        path = named[4] if named is not None else rest
        signature = sigv4.read(raw.request)
        if signature is None and self._services.settings.auth != "off":
            principal, region = self._browser(raw, record)
        else:
            principal, region = self._signer(raw, signature, record, body)
        if record is not None:
            self._authorize(raw, record, principal, region, calls.action(raw.request.method, path))
        return _Visit(record, principal, path)

    def _by_arn(self, arn: str) -> Record | None:
        record = nouns.find_by_arn(self._services.store, arn, self._services.settings.account)
        return record if record is not None and record.key.kind in _SIGNED_FOR else None

    def _named(self, named: re.Match[str]) -> Record | None:
        return self._services.store.get(Key(self._services.settings.account, named[2], named[1], "", named[3]))

    def _signer(
        self, raw: Raw, signature: sigv4.Signature | None, record: Record | None, body: bytes
    ) -> tuple[Principal, str]:
        services, settings, now = self._services, self._services.settings, self._services.clock.now()
        if settings.auth == "off" or signature is None:
            region = signature.region if signature is not None else settings.region
            return root(services), region
        wanted = _SIGNED_FOR[record.key.kind] if record is not None else signature.service
        if signature.service != wanted or wanted not in _SIGNED_FOR.values():
            raise AwsError("PERMISSION_DENIED", f"Sign for the service {wanted!r}.", status=403)
        unsigned = [
            name for name in _ARN_HEADERS if name in raw.request.headers and name not in signature.signed_headers
        ]
        if unsigned:
            raise AwsError("PERMISSION_DENIED", f"The header {unsigned[0]} must be signed.", status=403)
        secret, principal = services.credentials.lookup(signature.access_key_id, signature.token, now=now)
        sigv4.verify(signature, raw.request, secret, now=now, body_sha256=hashlib.sha256(body).hexdigest())
        services.credentials.last_used.note(
            principal, signature.access_key_id, service=signature.service, region=signature.region
        )
        return principal, signature.region

    def _browser(self, raw: Raw, record: Record | None) -> tuple[Principal, str]:
        """Who a session is for. A page of elsewhere may not act in its name."""
        origin = raw.request.headers.get("origin")
        if origin not in (None, raw.origin) and raw.request.method not in ("GET", "HEAD"):
            raise AwsError("PERMISSION_DENIED", f"Pages of {origin} may not ask this.", status=403)
        token = read_cookie(raw, _COOKIE)
        ticket = sessions.visitor(self._services, record, token) if record is not None and token else None
        if ticket is None:
            raise AwsError("UNAUTHENTICATED", _NO_SESSION, status=401)
        return ticket.principal, ticket.region

    def _authorize(self, raw: Raw, record: Record, principal: Principal, region: str, action: str | None) -> None:
        if action is None:
            where = f"{raw.request.method} {raw.request.path}"
            raise AwsError("ENDPOINT_NOT_FOUND", f"Sagewright passes {where} on to no MLflow.", status=404)
        services, kind = self._services, record.key.kind
        is_app = kind == mlflow_app.KIND
        spelled = "sagemaker:CallMlflowAppApi" if is_app else f"sagemaker-mlflow:{action or 'AccessUI'}"
        call = on_behalf(raw, services, principal, region, service="sagemaker", operation=spelled.partition(":")[2])
        refusal = services.gate.refusal(call, {}, [Need(spelled, record.status[_ARN_MEMBERS[kind]])])
        if refusal is not None:
            raise AwsError("PERMISSION_DENIED", refusal.message, status=403)

    # Browsers.

    def _open(self, raw: Raw, record: Record | None) -> Response:
        """Exchange a presigned address for a session."""
        token = dict(parse_qsl(raw.request.query)).get("authToken", "")
        if record is None:
            raise AwsError("UNAUTHENTICATED", _NO_SESSION, status=401)
        # SDK v3 asks an app itself with the address that it then gives to its user.
        program = "text/html" not in raw.request.headers.get("accept", "")
        opened = sessions.open_(self._services, record, token, again=program and record.key.kind == mlflow_app.KIND)
        if opened is None:
            raise AwsError("UNAUTHENTICATED", _NO_SESSION, status=401)
        session, seconds = opened
        ticket = sessions.visitor(self._services, record, session)
        if ticket is None:
            raise AwsError("UNAUTHENTICATED", _NO_SESSION, status=401)
        self._authorize(raw, record, ticket.principal, ticket.region, calls.FREE)
        place = sessions.place(record)
        return visits.session_opened(raw, _COOKIE, session, seconds, place, path=place)


_NO_SERVER: Final = (
    "Programs name a tracking server by its ARN: pip install sagemaker-mlflow. Browsers go to the address that "
    "`aws sagemaker create-presigned-mlflow-tracking-server-url --tracking-server-name NAME` gives."
)
_NO_SESSION: Final = (
    "This address was used, or it or its session has run out. "
    "Ask for another: aws sagemaker create-presigned-mlflow-tracking-server-url."
)


async def _passed(raw: Raw, socket: str, path: str, body: bytes) -> Response:
    request = raw.request
    headers = [
        (name, value)
        for name, value in request.headers.items()
        if name not in _NOT_SENT_ON and not name.startswith(_NOT_SENT_PREFIXES) and name not in _ARN_HEADERS
    ]
    target = path + (f"?{request.query}" if request.query else "")
    answer = await exchange(socket, request.method, target, [("host", "localhost"), *headers], body)
    kept = {name: value for name, value in answer.headers.items() if name not in _NOT_HANDED_BACK}
    return Response(answer.status, kept, answer.body)


def _silent(record: Record) -> AwsError:
    """Why nobody answers. Clients try a 503 again by themselves."""
    if record.state in _ON_THE_WAY:
        message = f"{record.name} is in status {record.state} and does not answer yet. Try again."
        return AwsError("TEMPORARILY_UNAVAILABLE", message, status=503, headers={"retry-after": "1"})
    message = f"{record.name} is in status {record.state}."
    if record.key.kind == mlflow_tracking_server.KIND and record.state != "Deleting":
        message += f" Start it: aws sagemaker start-mlflow-tracking-server --tracking-server-name {record.name}"
    return AwsError("INVALID_STATE", message, status=400)


def _refused(raw: Raw, error: AwsError) -> Response:
    """For a browser a page, else the form of MLflow's own refusals."""
    status = error.status
    code = (
        error.code
        if error.code.isupper()
        else {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}.get(status, "BAD_REQUEST")
    )
    headers = {**error.headers, "cache-control": "no-store"}
    if "text/html" in raw.request.headers.get("accept", ""):
        page = (
            "<!doctype html><meta charset=utf-8><title>MLflow</title>"
            f"<body style='font:16px/1.5 system-ui;max-width:40em;margin:4em auto'><p>{html.escape(error.message)}"
        )
        return Response(status, {**headers, "content-type": "text/html; charset=utf-8"}, page.encode())
    said = orjson.dumps({"error_code": code, "message": error.message})
    return Response(status, {**headers, "content-type": "application/json"}, said)
