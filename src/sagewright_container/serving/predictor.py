"""Calls a handler for one request at a time, and keeps the event loop alive meanwhile."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Thread
from typing import Any

from sagewright_container.serving.base import Handler, Request, Response
from sagewright_container.serving.errors import ServingError, UserCodeError

SLOW_S = 0.005  # predictions that take longer leave the event loop to a thread, so that /ping stays alive
_WEIGHT = 0.2  # of the newest prediction in the running mean of their durations
TEXT = "text/plain; charset=utf-8"
_END = object()


class GaveUp(Exception):
    """A prediction has taken longer than it may, and this process is about to end."""


class Predictor:
    """One handler. Its calls never overlap, as models and users' code expect.

    Quick ones are made on the event loop: handing them to a thread would cost more than they do. Several event loops
    may share it.
    """

    def __init__(
        self, handler: Handler, *, timeout_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.handler = handler
        self.timeout_s = timeout_s
        self._clock = clock
        self._mean_s = 2 * SLOW_S  # what nobody has seen yet is not quick
        self._turn = Lock()
        self._thread = ThreadPoolExecutor(1, "predict")  # starts its thread when it is first needed
        self._waiting: dict[asyncio.Future[Any], asyncio.AbstractEventLoop] = {}
        self._since: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gave_up: GaveUp | None = None
        self._dozing = False
        self._awake = Event()

    async def predict(self, request: Request) -> Response:
        """The handler's response, or the one that its error stands for."""
        if self._mean_s <= SLOW_S and not self._waiting and self._turn.acquire(blocking=False):
            try:
                return self._timed(request)
            finally:
                self._turn.release()
        try:
            response: Response = await self._on_thread(self._timed, request)
        except GaveUp as error:
            return failed(error)
        return response

    async def stream(self, source: Iterator[Any] | AsyncIterator[Any]) -> AsyncIterator[bytes]:
        """The pieces of a user's iterator as they come, empty ones left out.

        An iterator is asked on the prediction thread, so other requests come between two pieces; an asynchronous one
        runs on an event loop of its own. Raises what the user's code raises, GaveUp, TimeoutError.
        """
        asynchronous = hasattr(source, "__anext__")
        try:
            while True:
                if asynchronous:
                    piece = await asyncio.wait_for(self._next_of(source), self.timeout_s)
                else:
                    piece = await self._on_thread(self._next, source)
                if piece is _END:
                    return
                if data := _piece(piece):
                    yield data
        finally:
            await self._close(source)

    def stuck_s(self) -> float:
        """For how long the handler has been at one call; 0 when it is idle."""
        since = self._since
        return 0.0 if since is None else self._clock() - since

    def wait_for_work(self) -> None:
        """Block the calling thread until the handler is at a call. For one thread."""
        self._awake.clear()
        self._dozing = True
        if self._since is None:  # else whoever began may not have seen it
            self._awake.wait()
        self._dozing = False

    def give_up(self) -> None:
        """Tell everybody who waits for the handler that there will be no answer. From any thread."""
        error = self._gave_up = GaveUp(
            f"A prediction took longer than {self.timeout_s:g} s (SAGEMAKER_MODEL_SERVER_TIMEOUT), "
            "so the model's process is started again."
        )
        for future, loop in list(self._waiting.items()):
            loop.call_soon_threadsafe(_fail, future, error)

    def _timed(self, request: Request) -> Response:
        start = self._begin()
        try:
            return answer(self.handler, request)
        finally:
            self._since = None
            self._mean_s += _WEIGHT * (self._clock() - start - self._mean_s)

    def _begin(self) -> float:
        now = self._since = self._clock()
        if self._dozing:
            self._awake.set()
        return now

    def _next(self, source: Iterator[Any]) -> Any:
        self._begin()
        try:
            return next(source, _END)
        finally:
            self._since = None

    async def _on_thread(self, function: Callable[[Any], Any], argument: Any) -> Any:
        if self._gave_up is not None:
            raise self._gave_up
        loop = asyncio.get_running_loop()
        future = asyncio.wrap_future(self._thread.submit(self._in_turn, function, argument))
        self._waiting[future] = loop
        try:
            return await future
        finally:
            del self._waiting[future]

    def _in_turn(self, function: Callable[[Any], Any], argument: Any) -> Any:
        with self._turn:
            return function(argument)

    async def _next_of(self, source: Any) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_anext(source), self._users_loop()))

    async def _close(self, source: Any) -> None:
        """Let the user's code clean up, also when nobody reads on."""
        if hasattr(source, "aclose"):
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(source.aclose(), self._users_loop()))
        elif hasattr(source, "close"):
            await self._on_thread(lambda source: source.close(), source)

    def _users_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            Thread(target=self._loop.run_forever, name="users-loop", daemon=True).start()
        return self._loop


def answer(handler: Handler, request: Request) -> Response:
    """The handler's response, or the one that its error stands for."""
    try:
        return handler.handle(request)
    except Exception as error:  # noqa: BLE001  the border to users' code: the log has the traceback
        return failed(error)


def failed(error: Exception) -> Response:
    """The answer that an error stands for. What is none of ours is the user's code's: its traceback goes to the log."""
    if isinstance(error, ServingError):
        body = b"" if error.status == 204 else str(error).encode("utf-8", "replace")
        return Response(body, TEXT, error.status)
    if isinstance(error, GaveUp):
        return Response(str(error).encode(), TEXT, 504)
    traceback.print_exception(error)
    sys.stderr.flush()
    return Response(f"{type(error).__name__}: {error}".encode("utf-8", "replace"), TEXT, 500)


def _piece(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise UserCodeError(f"The script's iterator gave {type(value).__name__}: each piece must be text or bytes.")


async def _anext(source: Any) -> Any:
    return await anext(source, _END)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
