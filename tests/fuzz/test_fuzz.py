"""No request, however malformed, gets a 5xx; and whatever was refused is refused in a form that clients can read."""

from __future__ import annotations

import asyncio
import collections
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright import compose
from sagewright.base.settings import Settings
from sagewright.testing.asker import Answer, Asker
from sagewright.testing.fuzzer import Fuzzer
from sagewright.testing.http import Spelled, sagemaker

AT_ONCE = 8


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    server = compose.build(Settings(data=tmp_path / "data", store="memory:", sandbox="off"))
    yield Asker(server, server.app.services.credentials.root(), server.app.services.clock.now())
    server.close()


def test_nothing_that_is_sent_makes_the_server_fail(asker: Asker, request: pytest.FixtureRequest) -> None:
    logging.getLogger("sagewright").setLevel(logging.CRITICAL)
    fuzzer = Fuzzer(request.config.getoption("--fuzz-seed"))
    failures: list[str] = []
    seen: collections.Counter[int] = collections.Counter()

    async def worker(share: int) -> None:
        for _ in range(share):
            spelled = fuzzer.request()
            answer = await asker.sign_and_send(spelled)
            seen[answer.status] += 1
            fault = _fault(spelled, answer)
            if fault:
                failures.append(fault)

    async def run() -> None:
        share = request.config.getoption("--requests") // AT_ONCE
        await asyncio.gather(*(worker(share) for _ in range(AT_ONCE)))
        healthy = await asker.sign_and_send(sagemaker("ListModels", {}))
        assert healthy.status == 200

    asyncio.run(run())
    print("statuses:", dict(sorted(seen.items())))
    assert not failures, f"{len(failures)} failures, the first of them:\n" + "\n".join(failures[:20])


def _fault(spelled: Spelled, answer: Answer) -> str:
    """What is wrong with an answer; '' for nothing."""
    told = f"{spelled.method} {spelled.path[:200]}?{spelled.query[:100]} {dict(spelled.headers)} {spelled.body[:600]!r}"
    if answer.status >= 500:
        return f"{answer.status} {answer.body[:200]!r} to {told}"
    if "x-amzn-requestid" not in answer.headers and "x-amz-request-id" not in answer.headers:
        return f"{answer.status} without a request id to {told}"
    return ""
