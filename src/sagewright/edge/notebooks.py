"""The way to notebook instances: who asks is known by the session of a presigned address, then JupyterLab answers.

Each instance has a host name of its own (`operations/sagemaker/notebooks/addresses.py`): to its pages all others are
another origin, and no browser sends them its cookie. A page of elsewhere may not act in a session's name either: what
changes something must come from the instance's own origin, and so must what opens a WebSocket. JupyterLab gets neither
cookies nor signatures.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import parse_qsl, urlencode

from sagewright.base.errors import AwsError
from sagewright.dataplane.tracking.connection import exchange
from sagewright.edge import visits
from sagewright.edge.chain import Raw, on_behalf
from sagewright.edge.console.cookies import read_cookie
from sagewright.edge.steps.receive import read_body
from sagewright.edge.tunnel import upgrade
from sagewright.operations.access.needs import Need
from sagewright.operations.call import Services
from sagewright.operations.ecr.tickets import Ticket
from sagewright.operations.tracking import sessions
from sagewright.resources.notebook_instance import KIND
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query
from sagewright.wire.http import Response

_T = TypeVar("_T")

_COOKIE: Final = "sagewright-notebook"
_TITLE: Final = "Notebook instance"
_TOKEN: Final = "authToken"  # noqa: S105  # a parameter's name
_ACTION: Final = "CreatePresignedNotebookInstanceUrl"
_MOST_BODY: Final = 128 * 1024 * 1024
"""Bytes of a request: a notebook that is saved is one."""
_TUNNELS: Final = 128
"""WebSockets that an instance may have at once."""
_ON_THE_WAY: Final = frozenset({"Pending", "InService"})
_NO_SESSION: Final = (
    "This address was used, or it or its session has run out. "
    "Ask for another: aws sagemaker create-presigned-notebook-instance-url."
)


@dataclass(frozen=True, slots=True)
class _Visit:
    record: Record
    ticket: Ticket
    seconds: float
    """For which the session still holds."""


class Notebooks:
    """Answers requests to the host names of instances."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tunnels: Counter[str] = Counter()
        """Open WebSockets by the uid of their instance."""

    async def __call__(self, raw: Raw, name: str, region: str) -> Response:
        """`name` is lower-case."""
        return await visits.answered(raw, self._answer(raw, name, region), who="JupyterLab", title=_TITLE)

    async def _answer(self, raw: Raw, name: str, region: str) -> Response:
        if _TOKEN in (asked := dict(parse_qsl(raw.request.query))) and raw.request.method == "GET":
            return await self._on_loop(lambda: self._open(raw, name, region, asked))
        visits.check_origin(raw)
        visit = await self._on_loop(lambda: self._visit(raw, name, region))
        serving: Mapping[str, str] | None = visit.record.status.get("serving")
        if serving is None:
            raise _silent(visit.record)
        if "upgrade" in raw.request.headers:
            return await self._tunnel(raw, visit, serving["socket"])
        body = await read_body(raw.receive, raw.request.headers.get("content-length"), _MOST_BODY)
        headers = visits.sent_on(raw)
        answer = await exchange(serving["socket"], raw.request.method, visits.target(raw), headers, body)
        kept = {name: value for name, value in answer.headers.items() if name not in visits.NOT_HANDED_BACK}
        return Response(answer.status, kept, answer.body)

    async def _tunnel(self, raw: Raw, visit: _Visit, socket: str) -> Response:
        uid = visit.record.uid
        if self._tunnels[uid] >= _TUNNELS:
            raise AwsError("TooMany", f"{visit.record.name} has {_TUNNELS} WebSockets already.", status=429)
        self._tunnels[uid] += 1
        tunnel = None
        try:
            headers = [*visits.sent_on(raw), ("connection", "Upgrade"), ("upgrade", raw.request.headers["upgrade"])]
            response, tunnel = await upgrade(socket, visits.target(raw), headers)
        finally:
            if tunnel is None:
                self._left(uid)
        if tunnel is not None:
            tunnel.closed.add_done_callback(lambda _: self._left(uid))
            tunnel.end_in(visit.seconds)
        return response

    def _left(self, uid: str) -> None:
        self._tunnels[uid] -= 1
        if not self._tunnels[uid]:
            del self._tunnels[uid]

    async def _on_loop(self, look: Callable[[], _T]) -> _T:
        """Records are looked at on the loop where that takes microseconds."""
        return look() if self._services.store.local else await asyncio.to_thread(look)

    # Who asks.

    def _named(self, name: str, region: str) -> list[Record]:
        """Instances whose host name this is: names that differ in capitals share one."""
        store, account = self._services.store, self._services.settings.account
        if (found := store.get(Key(account, region, KIND, "", name))) is not None:
            return [found]
        listed = store.list(Query(account, region, KIND), limit=10_000).records
        return [record for record in listed if record.name.lower() == name]

    def _visit(self, raw: Raw, name: str, region: str) -> _Visit:
        """Raises AwsError for who has no session of this instance."""
        token = read_cookie(raw, _COOKIE)
        for record in self._named(name, region) if token else ():
            ticket = sessions.visitor(self._services, record, token)
            if ticket is not None:
                return _Visit(record, ticket, sessions.seconds_left(self._services, record, token))
        raise AwsError("Unauthenticated", _NO_SESSION, status=401)

    def _open(self, raw: Raw, name: str, region: str, asked: Mapping[str, str]) -> Response:
        """Exchange a presigned address for a session."""
        services = self._services
        for record in self._named(name, region):
            opened = sessions.open_(services, record, asked[_TOKEN])
            ticket = sessions.visitor(services, record, opened[0]) if opened is not None else None
            if opened is None or ticket is None:
                continue
            self._authorize(raw, record, ticket)
            cookie, seconds = opened
            rest = urlencode({key: value for key, value in asked.items() if key not in (_TOKEN, "view")})
            place = "/lab" if raw.request.path == "/" else raw.request.path
            return visits.session_opened(raw, _COOKIE, cookie, seconds, f"{place}?{rest}" if rest else place)
        raise AwsError("Unauthenticated", _NO_SESSION, status=401)

    def _authorize(self, raw: Raw, record: Record, ticket: Ticket) -> None:
        """As on AWS, who opens the address must be allowed to ask for it: conditions on where they are hold here."""
        services, principal = self._services, ticket.principal
        call = on_behalf(raw, services, principal, ticket.region, service="sagemaker", operation=_ACTION)
        need = Need(f"sagemaker:{_ACTION}", record.status["NotebookInstanceArn"])
        if (refusal := services.gate.refusal(call, {}, [need])) is not None:
            raise AwsError("AccessDenied", refusal.message, status=403)


def _silent(record: Record) -> AwsError:
    """Why nobody answers."""
    if record.state in _ON_THE_WAY:
        message = f"{record.name} is in status {record.state} and does not answer yet. Try again."
        return AwsError("Unavailable", message, status=503, headers={"retry-after": "1"})
    message = f"{record.name} is in status {record.state}."
    if record.state != "Deleting":
        message += f" Start it: aws sagemaker start-notebook-instance --notebook-instance-name {record.name}"
    return AwsError("Unavailable", message, status=409)
