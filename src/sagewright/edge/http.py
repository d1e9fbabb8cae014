"""HTTP/1.1 as the edge speaks it: one object for each client's connection.

Requests of one connection are answered in turn, each by the same few calls, because what this costs every request
pays (docs/adr/0023). What a client may keep us waiting for, and how much of it we hold, is in `bounds`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, cast

import httptools

from sagewright.edge import bounds
from sagewright.edge.answers import BROKEN, CONTINUE, UNKNOWN, head, pieces, refusal
from sagewright.edge.busy_poll import BusyPoll
from sagewright.edge.endless import Endless
from sagewright.edge.incoming import Incoming
from sagewright.edge.tunnel import Tunnel
from sagewright.operations.call import Payload
from sagewright.wire.http import Response

_NEVER: Final = float("inf")
_TOO_LONG: Final = f"The head of a request may have {bounds.MOST_FIELDS} fields and {bounds.LARGEST_HEAD} bytes."

_log = logging.getLogger(__name__)

Respond = Callable[[Incoming], Awaitable[Response]]


class Connection(asyncio.Protocol):
    """One client. `respond` answers a request; `connections` holds this object as long as it is open."""

    def __init__(
        self, respond: Respond, connections: set[Connection], clock: Callable[[], float], poll: BusyPoll
    ) -> None:
        """`clock` is the event loop's."""
        self._respond, self._connections, self._clock, self._poll = respond, connections, clock, poll
        self._parser = httptools.HttpRequestParser(self)
        self._transport = cast(asyncio.Transport, None)
        self._task: asyncio.Task[None] | None = None
        self._peer = ""
        self._deadline = clock() + bounds.IDLE_S
        self._unread = 0
        """Bytes of the answer that the client had not read at the last look."""
        self._fresh = True
        """Whether no byte of the next request has come."""
        self._answered, self._at_once = 0.0, False
        """When the last request was answered; whether this one came but a moment later."""
        self._size = 0
        """Bytes that came since something was understood."""
        self._dropped = 0
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._coming: Incoming | None = None
        """The request whose body is arriving."""
        self._answering: Incoming | None = None
        self._queue: deque[Incoming] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._open = self._keep = True
        self._streaming = self._endless = self._discarding = self._paused = False
        self._deaf = False
        """Whether what comes is not understood any more."""
        self._early = b""
        """What came behind a request to speak something else."""
        self._tunnel: Tunnel | None = None
        self._emptying: asyncio.Task[None] | None = None

    @property
    def spare(self) -> float:
        """How soon it would be given up, were there no room for another; nothing that is being answered is."""
        return _NEVER if self._answering is not None or self._queue else self._deadline

    def shutdown(self) -> None:
        """Answer what is being answered, and no more."""
        self._keep = False
        if self._endless:
            self.abort()
            return
        if self._tunnel is not None:
            self._tunnel.close()
        if self._answering is None and not self._queue:
            self._close()

    def abort(self) -> None:
        """Leave at once."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    def look(self, now: float) -> None:
        """Called every second or so: end what takes too long."""
        if self._drained is not None or self._transport.is_closing():
            unread, self._unread = self._unread, self._transport.get_write_buffer_size()
            if self._unread < unread:
                self._deadline = now + bounds.READER_S
        if now < self._deadline:
            return
        if self._coming is not None and not self._discarding:
            self._coming.lose()  # whoever reads the body is told, and answers
            self._deadline = now + bounds.READER_S
        elif self._open and self._size and self._answering is None and not self._discarding:
            self._refuse(408, "The head of the request did not come in time.")
        else:
            self.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        self._connections.add(self)
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        if not self._open:
            return
        if self._tunnel is not None:
            self._pass(self._tunnel, data)
            return
        if self._fresh:
            self._fresh, self._deadline = False, self._clock() + bounds.HEAD_S
            self._at_once = self._poll.asked(self._answered)
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as asked:
            # What comes behind it is no HTTP: it waits until it is known whether we speak that.
            self._keep, self._early = False, data[asked.args[0] :]
            self._wait()
        except httptools.HttpParserError as error:
            self._unreadable(400, f"This is no HTTP request: {error}")
        else:
            if self._size > bounds.LARGEST_HEAD or len(self._fields) > bounds.MOST_FIELDS:
                self._unreadable(431, _TOO_LONG)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False
        self._connections.discard(self)
        for each in (self._coming, self._answering, *self._queue):
            if each is not None:
                each.lose()
        self._queue.clear()
        _wake(self._waiter)
        _wake(self._drained)
        if self._streaming and self._task is not None:
            self._task.cancel()  # who makes the pieces shall know now, not when the next one is there

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()
        self._unread, self._deadline = self._transport.get_write_buffer_size(), self._clock() + bounds.READER_S

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        self._deadline = _NEVER
        _wake(drained)

    # httptools' parser

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._coming is None:  # else it comes behind a body: nothing of ours stands there
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        parser, fields, target = self._parser, self._fields, self._target
        self._fields, self._target, self._size = [], b"", 0
        if len(fields) > bounds.MOST_FIELDS:
            self._unreadable(431, _TOO_LONG)
        if not self._open or self._deaf:
            return
        modern = parser.get_http_version() != "1.0"
        incoming = Incoming(
            parser.get_method().decode("latin-1"),
            target,
            fields,
            peer=self._peer,
            keep_alive=modern and parser.should_keep_alive(),
            chunks=modern,
            taken=self._taken,
        )
        self._coming, self._deadline = incoming, self._clock() + bounds.BODY_S
        self._queue.append(incoming)
        if self._answering is None:
            _wake(self._waiter)
        else:  # it sends its next request before it has this one's answer
            self._wait()

    def on_chunk_header(self) -> None:
        self._size = 0

    def on_body(self, body: bytes) -> None:
        coming, self._size = self._coming, 0
        if coming is None:
            return
        now = self._clock()
        self._deadline = min(max(self._deadline, now) + len(body) / bounds.BODY_RATE, now + bounds.BODY_S)
        if self._discarding:
            self._dropped += len(body)
            if self._dropped > bounds.LEFT_UNREAD:
                self._transport.abort()
        elif coming.add(body) > bounds.HELD:
            self._wait()

    def on_message_complete(self) -> None:
        coming, self._coming = self._coming, None
        self._fresh, self._size = True, 0
        self._deadline = _NEVER
        if coming is not None:
            coming.end()
        if self._discarding:
            self._close()

    # Answers.

    async def _serve(self) -> None:
        while self._open:
            if not self._queue:
                if self._deaf or not self._keep:
                    break
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
                continue
            self._answering = incoming = self._queue.popleft()
            await self._answer(incoming)
            if self._drained is not None:
                await self._drained
            self._answering = None
            if not self._keep:
                break
            self._next()
        if self._open and self._deaf:
            self._part()
        elif self._open and not self._discarding:
            self._close()

    async def _answer(self, incoming: Incoming) -> None:
        """Answer a request; it ends the connection where something of the request may still come."""
        try:
            response = await self._respond(incoming)
            self._keep = self._keep and incoming.keep_alive and incoming.ended
            switches = isinstance(response.body, Tunnel)
            start, length = head(response, keep_alive=self._keep or switches, chunks=incoming.chunks)
        except Exception:  # noqa: BLE001  the border of the process: the client is told, the log has the cause
            _log.exception("a request failed")
            self._keep = False
            response = Response(500, {"Content-Type": "text/plain"}, BROKEN)
            start, length = head(response, keep_alive=False, chunks=False)
        body = cast(Payload, response.body)
        if not self._open:
            await _close(body)
            return
        if isinstance(body, Tunnel):
            await self._switch(start, body)
            return
        self._discarding = not incoming.ended and not self._deaf
        if incoming.method == "HEAD" or response.status in (204, 304) or not body:
            self._transport.write(start)
            await _close(body)
        elif isinstance(body, bytes):
            if len(body) <= bounds.JOINED:
                self._transport.write(start + body)
            else:
                self._transport.writelines((start, body))
        else:
            self._transport.write(start)
            self._endless = isinstance(body, Endless)
            await self._stream(pieces(body), length)
        if self._discarding:
            incoming.lose()
            self._read_on()
            self._deadline = self._clock() + bounds.DROP_S

    async def _switch(self, start: bytes, tunnel: Tunnel) -> None:
        """Speak HTTP no more: carry bytes both ways until one side ends."""
        self._tunnel, self._streaming = tunnel, True
        try:
            self._transport.write(start)
            self._pass(tunnel, self._early)
            self._read_on()
            self._deadline = _NEVER
            async for piece in tunnel:
                self._transport.write(piece)
                if self._drained is not None:
                    await self._drained
        finally:
            self._streaming = False
            tunnel.close()

    def _pass(self, tunnel: Tunnel, data: bytes) -> None:
        """The client sent something into the tunnel. It waits while the other end does not take it."""
        tunnel.feed(data)
        if tunnel.full and not self._paused:
            self._wait()
            self._emptying = asyncio.get_running_loop().create_task(self._empty(tunnel))

    async def _empty(self, tunnel: Tunnel) -> None:
        await tunnel.drained()
        self._read_on()
        self._deadline = _NEVER

    async def _stream(self, body: AsyncIterator[bytes], length: int | None) -> None:
        """Send pieces as they come, as fast as the client reads. Where they break off, so does the connection: who
        reads must not take the part for the whole."""
        self._streaming, sent = True, 0
        try:
            async for piece in body:
                if piece:
                    self._transport.writelines((b"%x\r\n" % len(piece), piece, b"\r\n") if length is None else (piece,))
                    sent += len(piece)
                if self._drained is not None:
                    await self._drained
            if length is None:
                self._transport.write(b"0\r\n\r\n")
            elif length != UNKNOWN and length != sent:
                raise EOFError(f"{sent} of {length} bytes")
        except Exception:  # noqa: BLE001  the head is sent: there is no other way to say it
            _log.exception("an answer broke off")
            self._transport.abort()
        finally:
            self._streaming = False
            await _close(body)

    def _next(self) -> None:
        """One request is answered: the next may come, or has begun to."""
        if self._queue:
            return
        if self._paused:
            self._read_on()
        else:
            self._deadline = self._clock() + (bounds.IDLE_S if self._fresh else bounds.HEAD_S)
            self._answered = self._poll.answered(again=self._at_once)

    def _taken(self, incoming: Incoming) -> None:
        """Somebody wants more of a body."""
        if incoming.expects_continue():
            self._transport.write(CONTINUE)
        if not self._queue:
            self._read_on()

    def _wait(self) -> None:
        """The client has sent more than we want to hold."""
        if not self._paused:
            self._paused, self._deadline = True, _NEVER
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if self._paused and self._open:
            self._paused, self._deadline = False, self._clock() + bounds.BODY_S
            self._transport.resume_reading()

    def _close(self) -> None:
        """What is written goes out first, if the client reads it."""
        self._deadline = self._clock() + bounds.READER_S
        self._transport.close()

    def _unreadable(self, status: int, message: str) -> None:
        """What came is no HTTP, or too much of it. Requests that came before it are answered first."""
        if self._coming is None and self._answering is None and not self._queue:
            self._refuse(status, message)
            return
        self._deaf = True
        if self._coming is not None:
            self._coming.lose()
        self._wait()

    def _refuse(self, status: int, message: str) -> None:
        """What cannot be understood gets an answer that every client understands."""
        if self._open:
            self._keep = False
            self._transport.write(refusal(status, message))
            self._part()
            _wake(self._waiter)

    def _part(self) -> None:
        """Say no more. It is read on, unheard, until the client has seen what was said: a connection that is closed
        over unread bytes takes its last answer along."""
        self._read_on()
        self._open = False
        self._transport.write_eof()
        self._deadline = self._clock() + bounds.DROP_S


async def _close(body: object) -> None:
    """Tell who makes a body that nobody reads on."""
    if hasattr(body, "aclose"):
        await body.aclose()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
