"""S3's functions, called as the edge calls them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from sagewright.base.clock import Clock
from sagewright.base.ids import RandomIds
from sagewright.base.settings import Settings
from sagewright.dataplane.events.bus import Bus, Message
from sagewright.dataplane.objects.base import Objects
from sagewright.operations import table
from sagewright.operations.call import Call, FileSlice, Principal, Services
from sagewright.resources.record import Record
from sagewright.store.memory import MemoryStore
from sagewright.telemetry.events import Event

ACCOUNT = "123456789012"
Ask = Callable[..., dict[str, Any]]


class Ticking:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.5

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class Body:
    """A request's body as the edge hands it over: in pieces, with trailers known at its end."""

    def __init__(self, data: bytes, trailers: Mapping[str, str] | None = None) -> None:
        self._data = data
        self._at_end = trailers or {}
        self.trailers: Mapping[str, str] = {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), 65_536):
            yield self._data[start : start + 65_536]
        self.trailers = self._at_end


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def objects(store: MemoryStore, folder: Path, clock: Ticking) -> Iterator[Objects]:
    made = Objects(store, folder, account=ACCOUNT, clock=clock, ids=RandomIds())
    yield made
    made.close()


class Heard(Bus):
    """A bus whose default rule wants everything; and the events that it made deliveries of."""

    def __init__(self, store: MemoryStore, clock: Clock) -> None:
        super().__init__(store, clock, RandomIds())
        self.all: list[Event] = []

    def deliveries(self, event: Event) -> Sequence[Record]:
        self.all.append(event)
        return [self.message_record(event.account, event.region, Message("arn:aws:logs:::", event.detail_type))]


class Open:
    """A gate that lets everybody pass."""

    def refusal(self, *_: object) -> None:
        return None

    def allows(self, *_: object) -> bool:
        return True


@pytest.fixture
def heard(store: MemoryStore, clock: Ticking) -> Heard:
    return Heard(store, clock)


@pytest.fixture
def ask(objects: Objects, store: MemoryStore, clock: Ticking, heard: Heard, tmp_path: Path) -> Ask:
    """Call an operation: `ask("get_object", Bucket=…)`. `Body` may be bytes; what streams back comes as bytes."""
    handlers = table.load("s3")
    parts: dict[str, Any] = dict.fromkeys(Services.__dataclass_fields__)
    services = Services(
        **{
            **parts,
            "objects": objects,
            "store": store,
            "settings": Settings(tmp_path),
            "clock": clock,
            "ids": RandomIds(),
            "events": heard,
            "gate": Open(),
        }
    )

    def run(
        name: str,
        /,
        *,
        headers: Mapping[str, str] | None = None,
        trailers: Mapping[str, str] | None = None,
        region: str = "us-east-1",
        **request: Any,
    ) -> dict[str, Any]:
        if isinstance(request.get("Body"), bytes):
            headers = {"content-length": str(len(request["Body"])), **(headers or {})}
            request["Body"] = Body(request["Body"], trailers)
        principal = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "root")
        operation = name.title().replace("_", "")
        call = Call("s3", operation, principal, ACCOUNT, region, "id", headers or {}, "http://host", services)
        result = cast(Any, handlers[name](call, request))
        answer: dict[str, Any] = asyncio.run(_finish(result)) if inspect.isawaitable(result) else result
        body = answer.get("Body")
        if isinstance(body, FileSlice):
            answer["Body"] = body.path.read_bytes()[body.offset : body.offset + body.length]
        return answer

    run("create_bucket", Bucket="bucket")
    return run


async def _finish(awaitable: Any) -> Any:
    return await awaitable
