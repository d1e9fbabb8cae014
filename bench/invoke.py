"""InvokeEndpoint: a deployed scikit-learn model, signed requests, 1, 8, 32 connections, beside other model servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from bench import endpoints, load, peers, rivals
from bench.base import OURS, ROOT, Figure, Missing, Run, Sample

TITLE = "InvokeEndpoint, LinearRegression, JSON of 13 numbers; SigV4 on ours only"

CONNECTIONS: Final = (1, 8, 32)
BARE: Final = "bare model server"
_RAW: Final = "raw ASGI"
_QUICK: Final = ("LitServe",)
"""Whom a quick run starts: the one that is up first."""


def measure(run: Run) -> Sequence[Figure]:
    """Ours with every signature verified; the same model server, a hand-written application and other model servers,
    asked directly."""
    model = endpoints.trained(run)
    log = run.folder / "log"
    with ExitStack() as stack:
        data = run.folder / "data"
        own = peers.ours(data)
        process = stack.enter_context(peers.serving(own, log))
        account = endpoints.Account(run, own, data, model)
        account.deploy("linear")
        bare = model_server(model)
        raw = peers.asgi(model.python, "linear", {"BENCH_MODEL": str(model.folder)})
        unsigned = [load.post("/invocations", row) for row in endpoints.rows()]
        subjects: dict[str, Sample] = {OURS: driven(run, own, process, partial(account.signed, "linear"))}
        for name, peer in ((BARE, bare), (_RAW, raw)):
            run.say(f"starting {name}")
            process = stack.enter_context(peers.serving(peer, log))
            subjects[name] = driven(run, peer, process, lambda: unsigned)
        others = {name: each for name in rivals.RIVALS if (each := _started(run, name, model, stack, log))}
        figures = _figures(list(others))
        run.alternate("invoke", figures, {**subjects, **others})
    _compare(figures, list(others))
    if not load.has_wrk():
        run.note("wrk is not installed (`apt install wrk`): a client in Python made the load, and its own limit shows.")
    run.note(f"{endpoints.REQUESTS} different requests, signed before; client and servers share the cores.")
    return figures


def driven(
    run: Run, peer: peers.Peer, process: psutil.Process, ready: Callable[[], Sequence[load.HttpRequest]]
) -> Sample:
    """Load on a server, at each number of connections, and what its processes use of the cores meanwhile. `ready`
    gives the requests, anew for each round: signatures do not last."""
    run.say(f"checking {Path(peer.command[0]).name}")
    endpoints.check(peer, ready())

    def sample() -> Mapping[str, float]:
        requests, values = ready(), {}
        for count in CONNECTIONS:
            before = peers.cpu_s(process)
            result = load.drive(run.folder, peer.port, requests, connections=count, seconds=run.amount(2, 1))
            values[what("CPU a request", count)] = (peers.cpu_s(process) - before) / result.requests * 1e6
            values[what("req/s", count)] = result.per_second
            values[what("p50", count)] = result.p50_ms
            values[what("p99", count)] = result.p99_ms
        return values

    return sample


def what(kind: str, connections: int) -> str:
    """A figure's name."""
    return f"{connections} connection{'s' if connections > 1 else ''}, {kind}"


def model_server(model: endpoints.Model) -> peers.Peer:
    """What ours runs behind an endpoint, listening on TCP and asked without a signature."""
    port = peers.free_port()
    environment = {
        "SAGEMAKER_BASE_DIR": str(model.folder.parent),
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [str(model.python), "-m", "sagewright_container.main", "serve", "scikit-learn"]
    return peers.Peer(command, port, "/ping", environment)


def _figures(others: Sequence[str]) -> Sequence[Figure]:
    goals = {
        ("req/s", 32): {"goal": 0.8, "share_of": BARE},
        ("p50", 1): {"goal": 1.0, "goal_above": BARE},
        ("p99", 1): {"goal": 5.0, "goal_above": BARE},
    }
    units = {"req/s": "/s", "p50": "ms", "p99": "ms"}
    found = [
        Figure(what(kind, count), unit, more=kind == "req/s", **goals.get((kind, count), {}))  # type: ignore[arg-type]
        for count in CONNECTIONS
        for kind, unit in units.items()
    ]
    found.append(Figure(what("CPU a request", CONNECTIONS[-1]), "us", more=False))
    return [*found, *(Figure(_lead(count), "x", goal=1.0) for count in CONNECTIONS if others)]


def _lead(connections: int) -> str:
    return what("req/s over the best other's", connections)


def _compare(figures: Sequence[Figure], others: Sequence[str]) -> None:
    """Ours over whichever other model server answered most, round by round."""
    by_name = {figure.what: figure for figure in figures}
    for count in CONNECTIONS:
        rates = by_name[what("req/s", count)]
        measured = [name for name in others if rates.median(name)]
        if not measured:
            continue
        best = max(measured, key=lambda name: rates.median(name) or 0)
        pairs = zip(rates.samples[OURS], rates.samples[best], strict=False)
        by_name[_lead(count)].samples[OURS] = [ours / theirs for ours, theirs in pairs]


def _started(run: Run, name: str, model: endpoints.Model, stack: ExitStack, log: Path) -> Sample | None:
    """Another model server, up and checked; None, and a note, where it cannot be."""
    if run.quick and name not in _QUICK:
        return None
    try:
        rival = rivals.RIVALS[name](run, model)
        run.say(f"starting {name}")
        process = stack.enter_context(peers.serving(rival.peer, log))
        sample = driven(run, rival.peer, process, lambda: rival.requests)
    except Missing as missing:
        run.note(str(missing))
        return None
    except RuntimeError as error:
        run.note(f"{name} is left out: it did not serve here. {str(error)[-200:]}")
        return None
    held = process if rival.restless else None
    if held:
        stack.callback(rivals.release, held)
        rivals.hold(held)
    return _forgiving(run, name, held, rival, sample)


def _forgiving(run: Run, name: str, held: psutil.Process | None, rival: rivals.Rival, sample: Sample) -> Sample:
    """The sample of a server that may fail under load, which is its own affair: a note, and no figures."""

    def forgiving() -> Mapping[str, float]:
        with rivals.moving(held):
            try:
                if held:  # it was away for a while, and has to find back
                    load.drive(run.folder, rival.peer.port, rival.requests, connections=8, seconds=1)
                return sample()
            except RuntimeError as error:
                run.note(f"{name} lost a round: {error}.")
                return {}

    return forgiving
