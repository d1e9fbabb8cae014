"""No request, however malformed, gets a 5xx; and whatever was refused is refused in a form that clients can read."""

from __future__ import annotations

import asyncio
import collections
import json
import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sagewright import compose
from sagewright.base.settings import Settings
from sagewright.operations import unbuilt
from sagewright.testing.asker import Answer, Asker
from sagewright.testing.callers import Caller, Callers
from sagewright.testing.fuzzer import Fuzzer, Sent
from sagewright.testing.http import parse, spoken
from sagewright.testing.population import Population
from sagewright.testing.surroundings import Surroundings, asking

AT_ONCE = 8
A_ROUND = 4000
"""Requests after which what they deleted is made again."""
ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
PATIENCE = 180
"""Seconds after which a request counts as never answered. The longest wait that one may ask for is 20."""
_MORE_TO_FAIL = 20


class Failures(logging.Handler):
    """What the server logged about answers that it could not give, by request id."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.stories: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.stories[str(record.args)] = logging.Formatter().format(record)

    def of(self, request_id: str) -> str:
        return next((story for args, story in self.stories.items() if request_id in args), "")


@pytest.fixture
def failures() -> Iterator[Failures]:
    logger, handler = logging.getLogger("sagewright"), Failures()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)
    logger.propagate = propagate


class Target:
    """A server without a port, with one of everything."""

    def __init__(self, folder: Path, store: str) -> None:
        self.server = compose.build(Settings(data=folder / "data", store=store, sandbox="off"))
        services = self.server.app.services
        self.asker = Asker(self.server, services.credentials.root(), services.clock.now())
        self.neighbours = store == "memory:"
        self.population = Population(self.asker, ROLE)
        self.surroundings = Surroundings(asking(self.asker), ROLE)

    def fill(self) -> Callers:
        """Make what is not there; who asks afterwards."""
        self.asker.now = self.server.app.services.clock.now()
        callers = Callers(self.asker, ROLE)
        self.population.fill()
        self.surroundings.fill(neighbours=self.neighbours)
        return callers


@pytest.fixture(params=["memory:", ""], ids=["memory", "sqlite"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    # What is not built yet refuses before it looks at the request; what is behind it shall be looked at too.
    monkeypatch.setattr(unbuilt, "unbuilt", lambda _service: {})
    made = Target(tmp_path, request.param)
    yield made
    made.server.close()


def test_nothing_that_is_sent_makes_the_server_fail(
    target: Target, failures: Failures, request: pytest.FixtureRequest
) -> None:
    seed = request.config.getoption("--fuzz-seed")
    fuzzer = Fuzzer(seed, target.population, target.surroundings, neighbours=target.neighbours)
    chosen = random.Random(f"callers {seed}")
    faults: list[str] = []
    seen: collections.Counter[int] = collections.Counter()
    asked: set[tuple[str | None, str | None]] = set()
    done: set[tuple[str | None, str | None]] = set()

    async def worker(callers: Callers, share: int) -> None:
        for _ in range(share):
            sent, caller = fuzzer.request(), callers.choose(chosen)
            asking = asyncio.create_task(callers.send(sent.spelled, caller, sent.how))
            await asyncio.wait({asking}, timeout=PATIENCE)
            if not asking.done():
                faults.append(f"no answer{_told(sent, caller)}\n{_waits_at(asking)}")
                asking.cancel()
                continue
            answer = asking.result()
            seen[answer.status] += 1
            asked.add((sent.service, sent.operation))
            if answer.status < 300:
                done.add((sent.service, sent.operation))
            fault = _fault(sent if caller.key_id else replace(sent, as_it_should_be=False), answer)
            if fault:
                story = failures.of(answer.headers.get("x-amzn-requestid", "-"))
                faults.append(f"{fault}{_told(sent, caller)}\n{story}")

    async def round_of(callers: Callers, requests: int) -> None:
        await asyncio.gather(*(worker(callers, requests // AT_ONCE) for _ in range(AT_ONCE)))

    left = request.config.getoption("--requests") // 2
    while left > 0 and len(faults) < _MORE_TO_FAIL:
        callers = target.fill()
        fuzzer.refresh()
        asyncio.run(round_of(callers, min(left, A_ROUND)))
        left -= A_ROUND
    print("statuses:", dict(sorted(seen.items())), f"{len(done)} of {len(asked)} operations did something")
    assert not faults, f"{len(faults)} failures, the first of them:\n" + "\n".join(faults[:_MORE_TO_FAIL])


def _told(sent: Sent, caller: Caller) -> str:
    spelled = sent.spelled
    address = f"{spelled.method} {spelled.path[:200]}?{spelled.query[:200]}"
    what = f"{sent.service} {sent.operation} by {caller.name}, {sent.how}"
    return f"\n   to {what}: {address} {dict(spelled.headers)} {spelled.body[:900]!r}"


def _waits_at(asking: asyncio.Task[Answer]) -> str:
    """The lines that somebody who is not answered stands at, outermost first."""
    lines: list[str] = []
    inner: Any = asking.get_coro()
    while inner is not None:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "gi_frame", None)
        lines.append(f"   {frame.f_code.co_filename}:{frame.f_lineno}" if frame else f"   {inner!r}")
        inner = getattr(inner, "cr_await", None) or getattr(inner, "gi_yieldfrom", None)
    return "\n".join(lines)


def _fault(sent: Sent, answer: Answer) -> str:
    """What is wrong with an answer; '' for nothing."""
    what = f"{answer.status} {answer.headers} {answer.body[:200]!r}"
    if answer.status >= 500:
        return what
    if sent.spelled.path.startswith("/v2/") and "docker-distribution-api-version" in answer.headers:
        return _fault_of_images(sent, answer)
    if "x-amzn-requestid" not in answer.headers and "x-amz-request-id" not in answer.headers:
        return f"{what} without a request id"
    if answer.status == 304 or sent.spelled.method == "HEAD":
        return f"{what}: a body where none can be" if answer.body else ""
    try:
        if answer.status >= 300:
            return "" if _code(sent, answer) else f"{what}: a refusal without a code"
        if sent.as_it_should_be and sent.service is not None:
            parse(sent.service, sent.operation, answer.status, answer.headers, answer.body)
    except Exception as error:  # noqa: BLE001  whatever botocore's parsers raise
        return f"{what} cannot be read: {error!r}"
    return ""


def _code(sent: Sent, answer: Answer) -> str:
    """The refusal's code, as the client that sent the request reads it."""
    service = sent.service or "s3"
    protocol = spoken(service)
    if not sent.as_it_should_be:
        # It may not be recognised for what it was: then any protocol will do that the answer says it is in.
        protocol = _protocol_of(answer) or protocol
    error = parse(service, None, answer.status, answer.headers, answer.body, protocol=protocol)["Error"]
    named = str(error.get("Code", ""))
    # That botocore makes a code of the status when the body has none does not help anybody who reads it.
    return "" if named == str(answer.status) else named


def _protocol_of(answer: Answer) -> str | None:
    kind = answer.headers.get("content-type", "")
    if "cbor" in kind:
        return "smithy-rpc-v2-cbor"
    if "xml" in kind:
        return "query" if b"<ErrorResponse" in answer.body else "ec2" if b"<Response>" in answer.body else "rest-xml"
    return ("rest-json" if "x-amzn-errortype" in answer.headers else "json") if "json" in kind else None


def _fault_of_images(sent: Sent, answer: Answer) -> str:
    """The registry's refusals are JSON: a list of errors with codes."""
    if answer.status < 300 or sent.spelled.method == "HEAD":
        return ""
    try:
        return "" if json.loads(answer.body)["errors"][0]["code"] else "no code"
    except (ValueError, KeyError, IndexError):
        return f"{answer.status} {answer.body[:200]!r} is no refusal of a registry"
