"""The server is killed, again and again; what it acknowledged stays true, and nothing runs twice or for nobody."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from . import census
from .components import Components
from .endpoints import Endpoints, answering_version
from .files import Files
from .jobs import Jobs
from .lives import one_life
from .server import Server, eventually
from .transforms import Transforms
from .world import World

SPEEDS_UP_AGAIN = 60.0
"""Seconds from the server's first answer until an endpoint that was in service must answer (a busy machine's)."""
REST_EVERY = 25
"""Rounds after which everything is deleted and looked through."""
MOMENTS = (
    "create_training_job", "stop_training_job", "delete_training_job", "create_endpoint", "update_endpoint",
    "delete_endpoint", "update_endpoint_weights_and_capacities", "put_object", "delete_object", "copy_object",
    "complete_multipart_upload", "add_tags", "create_transform_job", "stop_transform_job",
    "create_inference_component", "update_inference_component", "update_inference_component_runtime_config",
    "job started", "job ended", "server started", "server ended",
)  # fmt: skip
DENSER = ("create_training_job", "update_endpoint", "job started", "job ended", "job ended", "server started")


def test_killed_at_random_moments(server: Server, rounds: int, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Users of jobs, endpoints, batch transform and objects go on while the server is killed under them."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    choose = random.Random(seed)
    world = World(server, seed)
    traces = census.Traces(server.data)
    begun = time.monotonic()
    try:
        server.start()
        world.prepare()
        for number in range(1, rounds + 1):
            if number % REST_EVERY == 1:
                users = _users(world, f"r{number}")
            how = one_life(world, server, choose, (*MOMENTS, *DENSER))
            traces.look()
            say(f"   round {number}: {how}")
            server.start()
            if number % REST_EVERY == 0 or number == rounds:
                _rest(world, server, users, traces)
                if number < rounds:
                    server.start()
            _check_steady(world)
            if world.failures:
                break
        say(f"   {(time.monotonic() - begun) / rounds:.1f} s a round")
    finally:
        world.close()
    assert not world.failures, f"--chaos-seed={seed}\n" + "\n".join(world.failures) + f"\n{server.tail()}"


def test_killed_while_it_starts_for_the_first_time(tmp_path: Path, rounds: int, seed: int) -> None:
    """Whatever a first start left half-made, the next one finishes."""
    choose = random.Random(seed)
    for number in range(max(2, rounds // 10)):
        folder = tmp_path / str(number)
        folder.mkdir()
        server = Server(folder)
        try:
            for _ in range(3):
                server.spawn()
                time.sleep(choose.uniform(0.1, 0.7))
                server.kill()
            server.start()
            assert "AWS_ACCESS_KEY_ID" in server.environment()
            server.stop()
        finally:
            server.kill()
            census.end_all([server.port], server.data)


User = Jobs | Endpoints | Components | Files | Transforms


def _users(world: World, stem: str) -> list[User]:
    users: list[User] = []
    for kind, count in ((Jobs, 3), (Endpoints, 2), (Components, 1), (Files, 1), (Transforms, 1)):
        for number in range(count):
            name = f"{stem}-{kind.__name__.lower()}-{number}"
            users.append(kind(world, name))
            world.user(name, users[-1].act)
    return users


def _check_steady(world: World) -> None:
    """An endpoint that was in service and is left alone answers again, with the same model."""
    for name in list(world.steady):
        end = time.monotonic() + SPEEDS_UP_AGAIN
        while (version := world.steady.get(name)) is not None:
            found = answering_version(world, name)
            if found == version:
                break
            if world.steady.get(name) != version:
                continue  # its user did something with it meanwhile
            if found is not None or time.monotonic() > end:
                world.failures.append(f"{name} answers with {found!r} after a restart, not with {version!r}")
                return
            time.sleep(0.05)


def _rest(world: World, server: Server, users: list[User], traces: census.Traces) -> None:
    """Let everything come to its end; look at all of it, delete all of it, and look for what is left.

    The server is up when this begins, and down when it ends.
    """
    world.rest(within=300)
    if world.failures:
        return
    for user in users:
        if not isinstance(user, Endpoints | Components):
            user.audit()
            user.delete_all()
    traces.look()
    _look_for_orphans(server, traces, "while the server runs")
    server.kill()
    stray = census.stray_blobs(server.data)
    server.start()
    _look_for_orphans(server, traces, "after a restart")
    server.kill()
    assert census.processes(server.port, server.data) == []
    assert census.stray_blobs(server.data) == [], f"before the restart: {stray}"


def _look_for_orphans(server: Server, traces: census.Traces, when: str) -> None:
    def shown(find: Callable[[], list[str]]) -> None:
        eventually(lambda: not find(), within=60, what=lambda: f"nothing left {when}: {find()}")

    shown(lambda: [each for each in census.processes(server.port, server.data) if " up --port" not in each])
    shown(lambda: census.tasks(server.data))
    shown(traces.left)
