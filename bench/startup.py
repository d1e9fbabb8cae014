"""From the start of the process until its port answers, and the memory it then holds."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence

from bench import peers
from bench.base import OURS, Figure, Missing, Run, Sample

TITLE = "process start until its port answers; resident memory"


def measure(run: Run) -> Sequence[Figure]:
    """A fresh data folder each time, and one that is there already, against moto's server and a null server."""
    first = Figure("first start, empty folder", "s", more=False, goal=0.6)
    again = Figure("start on what is there", "s", more=False, goal=0.6)
    memory = Figure("resident once it answers", "MB", more=False, goal=120)
    used = Figure("resident after a few calls", "MB", more=False)
    log = run.folder / "log"
    kept = run.folder / "kept"

    def start(peer: peers.Peer, use: Callable[[], None]) -> tuple[float, float, float]:
        begun = time.perf_counter()
        with peers.started(peer, log) as process:
            peers.wait_for_answer(peer, process, log)
            seconds = time.perf_counter() - begun
            resident = peers.resident_mb(process)
            use()
            return seconds, resident, peers.resident_mb(process)

    def ours() -> Mapping[str, float]:
        fresh = run.folder / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        seconds, _, _ = start(peers.ours(fresh), lambda: None)
        peer = peers.ours(kept)
        second, resident, after = start(peer, lambda: _use(peer, peers.our_keys(peer, kept)))
        return {first.what: seconds, again.what: second, memory.what: resident, used.what: after}

    def other(make: Callable[[], peers.Peer], calls: bool) -> Sample:
        def sample() -> Mapping[str, float]:
            peer = make()
            seconds, resident, after = start(peer, (lambda: _use(peer, peers.Keys())) if calls else (lambda: None))
            values = {first.what: seconds, again.what: seconds, memory.what: resident}
            return {**values, used.what: after} if calls else values

        return sample

    subjects: dict[str, Sample] = {OURS: ours}
    try:
        peers.environment(run, "moto")
        subjects["moto"] = other(lambda: peers.moto(run), calls=True)
    except Missing as missing:
        run.note(str(missing))
    subjects["null server"] = other(peers.null, calls=False)
    run.alternate("start", [first, again, memory, used], subjects, warm=False)
    return [first, again, memory, used]


def _use(peer: peers.Peer, keys: peers.Keys) -> None:
    """One call to each of the services that every SageMaker session touches."""
    peers.client("sts", peer, keys).get_caller_identity()
    s3 = peers.client("s3", peer, keys)
    s3.create_bucket(Bucket="bench")
    s3.put_object(Bucket="bench", Key="k", Body=b"x")
    peers.client("sagemaker", peer, keys).list_models()
    peers.client("logs", peer, keys).describe_log_groups()
