"""A million requests to one endpoint: does the memory of the server and of the model's server stay what it is."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final

import psutil

from bench import endpoints, load, peers
from bench.base import OURS, Figure, Run

TITLE = "resident memory over many InvokeEndpoints; 32 connections, each request verified"

_SERVER, _MODEL_SERVER = "the server", "the model's server"
_GOAL_MB: Final = 5.0
"""By which each may grow in a million requests."""
_SETTLING: Final = 0.2
"""The first part of the requests, in which caches and pools of memory fill, is not in the slope."""
_STEPS: Final = 20


def measure(run: Run) -> Sequence[Figure]:
    """Both resident sizes, 20 times along the way."""
    wanted = int(run.amount(1_000_000, 10_000))
    model = endpoints.trained(run)
    sizes: list[tuple[int, Mapping[str, float]]] = []
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        server = stack.enter_context(peers.serving(peer, run.folder / "log"))
        account = endpoints.Account(run, peer, data, model)
        account.deploy("linear")
        processes = {_SERVER: server, _MODEL_SERVER: _model_server(server)}
        done, due = 0, 0
        while True:
            if done >= due:
                sizes.append((done, {name: each.memory_info().rss / 1e6 for name, each in processes.items()}))
                due += wanted // _STEPS
            if done >= wanted:
                break
            run.say(f"{done:,} of {wanted:,} requests")
            # Signed anew each time: signatures do not last as long as this takes.
            some = account.signed("linear")
            seconds = run.amount(5, 1)
            done += load.drive(run.folder, peer.port, some, connections=32, seconds=seconds).requests
    run.show(_timeline(sizes))
    if run.quick:
        run.note("a slope of so few requests says little; a full run makes a million.")
    return [figure for name in processes for figure in _figures(name, [(n, size[name]) for n, size in sizes], run)]


def _model_server(server: psutil.Process) -> psutil.Process:
    """The process in the endpoint's task that has the model."""
    found = [each for each in server.children(recursive=True) if "sagewright_container.main" in each.cmdline()]
    return found[-1]


def _figures(name: str, sizes: Sequence[tuple[int, float]], run: Run) -> Sequence[Figure]:
    last = sizes[-1][0]
    settled = [(n, size) for n, size in sizes if n >= _SETTLING * last]
    slope = statistics.linear_regression([n / 1e6 for n, _ in settled], [size for _, size in settled]).slope
    goal = None if run.quick else _GOAL_MB
    return [
        Figure(f"{name}, before", "MB", more=False, samples={OURS: [sizes[0][1]]}),
        Figure(f"{name}, after", "MB", more=False, samples={OURS: [sizes[-1][1]]}),
        Figure(f"{name}, growth in a million", "MB", more=False, goal=goal, samples={OURS: [slope]}),
    ]


def _timeline(sizes: Sequence[tuple[int, Mapping[str, float]]]) -> str:
    names = list(sizes[0][1])
    head = "  " + "requests".rjust(10) + "".join(f"{name:>22}" for name in names) + "\n"
    return head + "".join(
        f"  {done:>10,}" + "".join(f"{size[name]:>19.1f} MB" for name in names) + "\n" for done, size in sizes
    )
