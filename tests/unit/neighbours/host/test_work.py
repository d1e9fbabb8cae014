"""The neighbours' process by itself, spoken to as the server does."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sagewright.neighbours import frames
from sagewright.neighbours.frames import Answer, Question


@contextmanager
def process(data: Path) -> Iterator[socket.socket]:
    """One process of a server that stays the same."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-P", "-m", "sagewright.neighbours.host", "--server", "s", "--data", str(data)]
    with theirs:
        started = subprocess.Popen([*command, "--stream", str(theirs.fileno())], pass_fds=[theirs.fileno()])
    with started, ours:
        yield ours


def ask(stream: socket.socket, number: int, service: str, operation: str, **params: Any) -> Answer:
    question = Question(number, number, service, operation, params, "123456789012", "us-east-1")
    stream.sendall(frames.question_bytes(question))
    answer = frames.read_answer(stream)
    assert answer is not None
    assert answer.number == number
    return answer


def test_what_was_done_and_is_asked_again_is_not_done_again(tmp_path: Path) -> None:
    with process(tmp_path) as stream:
        first = ask(stream, 1, "ec2", "CreateVpc", CidrBlock="10.0.0.0/16")
    with process(tmp_path) as stream:
        assert ask(stream, 1, "ec2", "CreateVpc", CidrBlock="10.0.0.0/16") == first
        vpcs = ask(stream, 2, "ec2", "DescribeVpcs").result
    assert vpcs is not None
    assert len(vpcs["Vpcs"]) == 2


def test_a_refused_call_leaves_nothing_half_done(tmp_path: Path) -> None:
    with process(tmp_path) as stream:
        ask(stream, 1, "servicecatalog", "CreatePortfolio", DisplayName="d", ProviderName="p", IdempotencyToken="1")
        version = {"Name": "one", "Info": {}}  # names no template, which is seen after the product was begun
        product = {"Name": "n", "Owner": "o", "ProductType": "T", "ProvisioningArtifactParameters": version}
        refused = ask(stream, 2, "servicecatalog", "CreateProduct", **product, IdempotencyToken="2")
        assert (refused.result, refused.code) == (None, "InvalidParametersException")
        products = ask(stream, 3, "servicecatalog", "SearchProductsAsAdmin").result
        portfolios = ask(stream, 4, "servicecatalog", "ListPortfolios").result
    assert products == {"ProductViewDetails": []}
    assert portfolios is not None
    assert len(portfolios["PortfolioDetails"]) == 1


def test_what_moto_stumbles_over_is_a_refusal_in_words(tmp_path: Path) -> None:
    with process(tmp_path) as stream:
        answer = ask(stream, 1, "glue", "CreateTable", DatabaseName="none", TableInput={})
    assert answer.result is None
    assert answer.status == 400
    assert answer.message


def test_nothing_in_the_process_reaches_out() -> None:
    code = """
import socket, subprocess, sys
from sagewright.neighbours.host import guard
guard.bar_the_way_out()
for attempt in (lambda: socket.create_connection(("127.0.0.1", 9)), lambda: subprocess.run(["true"])):
    try:
        attempt()
        sys.exit(1)
    except guard.Barred:
        pass
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
