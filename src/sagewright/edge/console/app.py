"""The console's addresses, below `/_sagewright/console/`; its page is at `/`, which `edge/platform.py` answers.

    assets/<file>                  what the page loads
    sign-in, sign-out, session     a browser's session: a cookie that no script can read
    oidc/start, oidc/callback      to a company's identity provider, and back from there
    link, enter                    root's, by a link that whoever holds the root key can ask for
    api/<service>/<Operation>      AWS's operations on behalf of who is signed in
    events                         what changes
    settings                       what the server runs with
    spark-history                  Spark's history server for event logs in S3

What is asked with a session passes the same decode, gate, dispatch and encode as what is signed. Only pages of ours
may ask: the cookie is kept from other sites, and each request carries a proof that only our page was given.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

import sagewright
from sagewright.base.errors import AwsError, Transient, validation_error
from sagewright.base.settings import Settings
from sagewright.edge.body import BodyStream
from sagewright.edge.chain import Identified, Raw, Routed
from sagewright.edge.console import pages, settings
from sagewright.edge.console.cookies import COOKIE, PREFIX, own_page, read_cookie, session_cookie
from sagewright.edge.console.live import Live
from sagewright.edge.console.oidc import CompanySignIn
from sagewright.edge.console.protocol import MEMBERS, spoken, streams_events
from sagewright.edge.console.sign_in import SignIn
from sagewright.edge.steps.receive import MAX_BODY, MAX_INVOCATION, read_body
from sagewright.edge.steps.route import STREAMING
from sagewright.operations.call import Call, Services
from sagewright.operations.console import sessions
from sagewright.operations.console.sessions import Visitor
from sagewright.operations.iam.roles import default_role_arn
from sagewright.operations.sagemaker.processing import spark_history
from sagewright.wire import model, sigv4
from sagewright.wire.http import Request, Response

_log = logging.getLogger(__name__)

_PROOF: Final = "x-sagewright-proof"
_REGION_HEADER: Final = "x-sagewright-region"
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]")
_SMALL: Final = 16 * 1024
_NOTHING: Final = hashlib.sha256(b"").hexdigest()
_KEPT: Final = frozenset({"content-type", "content-length", "accept", "host", "user-agent", MEMBERS})
"""Headers of a browser's request that operations see: no cookie, no proof."""

CarryOut = Callable[[Identified], Awaitable[Response]]


class Console:
    """Answers the console's addresses; None for all others."""

    def __init__(self, services: Services, carry_out: CarryOut) -> None:
        """`carry_out` answers a request whose caller is known."""
        self._services = services
        self._carry_out = carry_out
        self._live = Live(services)
        self._sign_in = SignIn(services)
        self._company = CompanySignIn.made(services)
        self._started = services.clock.now()

    def __call__(self, raw: Raw) -> Awaitable[Response] | None:
        return self._answered(raw) if raw.request.path.startswith(PREFIX) else None

    async def _answered(self, raw: Raw) -> Response:
        try:
            response = await self._answer(raw, raw.request.path[len(PREFIX) :])
        except AwsError as error:
            response = _json({"__type": error.code, "message": error.message}, error.status)
            response.headers.update(error.headers)
        except Transient as error:
            response = _json({"__type": "ServiceUnavailable", "message": str(error)}, 503)
        except Exception:  # noqa: BLE001  the border of the process
            _log.exception("request %s failed", raw.request_id)
            why = f"Sagewright failed to answer. Its log has the cause under request id {raw.request_id}."
            response = _json({"__type": "InternalFailure", "message": why}, 500)
        response.headers.setdefault("cache-control", "no-store")
        return response

    async def _answer(self, raw: Raw, path: str) -> Response:
        name, _, rest = path.partition("/")
        method = raw.request.method
        match method, name:
            case "GET", "assets":
                return pages.asset(raw.request, rest)
            case "GET", "session":
                return self._session(raw, await self._visitor(raw))
            case "GET", "sign-in":
                return _json({"provider": self._company.name} if self._company is not None else {})
            case "POST", "sign-in":
                return await self._signed_in(raw)
            case "GET", "oidc" if self._company is not None:
                answer = await self._company(raw, rest)
                if answer is not None:
                    return answer
            case "POST", "link":
                return await asyncio.to_thread(self._link, raw)
            case "GET", "enter":
                return await self._enter(raw)
            case "GET", "settings":
                return await self._settings(raw)
            case "GET", "events":
                return await self._events(raw)
            case "POST", "spark-history":
                return await self._spark_history(raw)
            case "POST", "sign-out":
                await asyncio.to_thread(sessions.close, self._services, (await self._proved(raw)).token)
                return Response(204, {"set-cookie": session_cookie(raw, "", 0)})
            case "POST", "api":
                return await self._carry_out(await self._identified(raw, rest))
        raise AwsError("NotFound", f"There is nothing to {method} at {PREFIX}{path}.", status=404)

    # Who asks.

    async def _visitor(self, raw: Raw) -> Visitor:
        """Raises AwsError (401) for who is not signed in."""
        if self._services.settings.auth == "off":
            return Visitor(sessions.root(self._services), "root", "")
        token = read_cookie(raw, COOKIE)
        found = await asyncio.to_thread(sessions.visitor, self._services, token) if token else None
        if found is None:
            raise AwsError("NotSignedIn", "Sign in first: the session has ended, or there was none.", status=401)
        return found

    async def _proved(self, raw: Raw) -> Visitor:
        """The visitor whose page asks. Raises AwsError (401, 403)."""
        own_page(raw)
        found = await self._visitor(raw)
        if not hmac.compare_digest(raw.request.headers.get(_PROOF, "").encode(), found.proof.encode()):
            raise AwsError("AccessDenied", f"Send the header {_PROOF}: GET {PREFIX}session has it.", status=403)
        return found

    def _session(self, raw: Raw, visitor: Visitor) -> Response:
        known: Settings = self._services.settings
        return _json(
            {
                "user": visitor.name,
                "arn": visitor.principal.arn,
                "kind": visitor.principal.kind,
                "account": known.account,
                "region": known.region,
                "role": default_role_arn(known.account),
                "version": sagewright.__version__,
                "proof": visitor.proof,
            }
        )

    async def _signed_in(self, raw: Raw) -> Response:
        """`{"user": …, "password": …}`, and `newPassword` where a new one is asked for."""
        own_page(raw)
        if not raw.request.headers.get("content-type", "").startswith("application/json"):
            raise validation_error("Sign in with a JSON object.")
        given = _object(await read_body(raw.receive, raw.request.headers.get("content-length"), _SMALL))
        token = await self._sign_in(given, raw)
        return Response(204, {"set-cookie": session_cookie(raw, token, sessions.SESSION_SECONDS)})

    def _link(self, raw: Raw) -> Response:
        """For who signs with the root key: a token that `enter` takes, once."""
        services, signature = self._services, sigv4.read(raw.request)
        if signature is None:
            raise AwsError("AccessDenied", "Sign the request with the root key.", status=403)
        now = services.clock.now()
        secret, principal = services.credentials.lookup(signature.access_key_id, signature.token, now=now)
        sigv4.verify(signature, raw.request, secret, now=now, body_sha256=_NOTHING)
        if principal.kind != "root":
            raise AwsError("AccessDenied", "Only the root key may do this.", status=403)
        return _json({"token": sessions.make_link(services), "seconds": sessions.LINK_SECONDS})

    async def _enter(self, raw: Raw) -> Response:
        token = dict(parse_qsl(raw.request.query)).get("token", "")
        opened = await asyncio.to_thread(sessions.follow_link, self._services, token)
        headers = {"location": "/", "referrer-policy": "no-referrer"}
        if opened is None:
            return Response(302, {**headers, "location": "/#/sign-in?link=used"})
        return Response(302, {**headers, "set-cookie": session_cookie(raw, opened, sessions.SESSION_SECONDS)})

    # What is asked.

    async def _identified(self, raw: Raw, path: str) -> Identified:
        """A request to `<service>/<Operation>`, in the form in which signed ones come from `authenticate`."""
        visitor = await self._proved(raw)
        service, _, operation = path.partition("/")
        if service not in model.SERVICES:
            raise AwsError("UnknownService", f"Sagewright does not serve {service!r} (yet).", status=404)
        service_model, protocol = spoken(service)
        if operation not in protocol.operations:
            raise AwsError("UnknownOperationException", f"{service} has no operation {operation!r}.", status=404)
        found = service_model.operation_model(operation)
        if streams_events(found):
            raise validation_error(f"{operation} answers with a stream of events: call it with an SDK.")
        request = raw.request
        headers = {name: value for name, value in request.headers.items() if name in _KEPT}
        body: Any
        if (service, operation) in STREAMING:
            if MEMBERS not in headers:
                raise validation_error(f"{operation} streams its body: name its members in {MEMBERS}.")
            body = BodyStream(raw.receive, decoder=None, sha256=None)
        else:
            most = MAX_INVOCATION if service == "sagemaker-runtime" else MAX_BODY
            body = await read_body(raw.receive, headers.get("content-length"), most)
        held = body if isinstance(body, bytes) else None
        addressed = Request("POST", request.path, "", headers, held if held is not None else b"")
        routed = Routed(raw, None, service, protocol, service_model, found, addressed, held)
        region = _region(raw, self._services.settings)
        if visitor.principal.kind == "role":
            self._services.credentials.last_used.note(visitor.principal, "", service=service, region=region)
        return Identified(routed, visitor.principal, region, body)

    async def _settings(self, raw: Raw) -> Response:
        call = self._call(raw, await self._proved(raw))
        provider = "" if self._company is None else self._company.name
        return _json(await asyncio.to_thread(settings.told, call, started=self._started, provider=provider))

    async def _spark_history(self, raw: Raw) -> Response:
        """`{"S3Uri": …}`, asked again until it serves."""
        call = self._call(raw, await self._proved(raw))
        given = _object(await read_body(raw.receive, raw.request.headers.get("content-length"), _SMALL))
        return _json(await asyncio.to_thread(spark_history.ask, call, str(given.get("S3Uri", ""))))

    def _call(self, raw: Raw, visitor: Visitor) -> Call:
        """For what is none of AWS's operations."""
        services = self._services
        return Call(
            service="sagemaker",
            operation="",
            principal=visitor.principal,
            account=visitor.principal.account,
            region=dict(parse_qsl(raw.request.query)).get("region") or services.settings.region,
            request_id=raw.request_id,
            headers={},
            host=raw.origin,
            services=services,
            peer=raw.peer,
        )

    async def _events(self, raw: Raw) -> Response:
        visitor = await self._visitor(raw)
        if raw.request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise AwsError("AccessDenied", "Pages of elsewhere may not listen.", status=403)
        services, call = self._services, self._call(raw, visitor)
        stream = self._live.stream(
            call, lambda: not visitor.token or sessions.visitor(services, visitor.token) is not None
        )
        return Response(200, {"content-type": "text/event-stream", "x-accel-buffering": "no"}, stream)


def _region(raw: Raw, known: Settings) -> str:
    named = raw.request.headers.get(_REGION_HEADER, "")
    if named and not _REGION.fullmatch(named):
        raise validation_error(f"{named!r} is no region.")
    return named or known.region


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise validation_error("Send a JSON object.")
    return given


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json"}, orjson.dumps(value))
