"""Thousands of training jobs that do nothing, all queued at once on one machine, beside the same processes bare."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import psutil

from bench import peers
from bench.base import OURS, Figure, Run
from sagewright.compute import runtimes

TITLE = "training jobs that do nothing, queued at once; each is a Python process of its own"

_BARE: Final = "bare process"
_FIRST: Final = "the first part"
_NOTHING: Final = "import time; print('first-line', time.time_ns(), flush=True)"
_BUCKET: Final = "bench"
_CLIENTS: Final = 8
_PATIENCE_S: Final = 3600.0


def measure(run: Run) -> Sequence[Figure]:
    """How fast they pass, what one costs when many wait and when few do, and what the server grows to."""
    jobs = int(run.amount(5_000, 200))
    part = jobs // 5
    rate = Figure("jobs a second", "1/s", goal=None)
    latency = Figure("from the call to the first line, nothing else queued", "s", more=False)
    queueing = Figure("CreateTrainingJob, while nothing runs", "1/s")
    seconds = Figure(f"seconds a job, the last {part:,} beside the first", "s", more=False, goal=1.1, share_of=_FIRST)
    cost = Figure(f"the server's processor time a job, the last {part:,}", "ms", more=False, goal=1.1, share_of=_FIRST)
    memory = [Figure(f"memory of the server, {when}", "MB", more=False) for when in ("idle", "all queued", "all ended")]

    environment = runtimes.resolve(peers.IMAGE)
    assert environment is not None
    python = peers.runtime(run, environment.environment) / "bin" / "python"
    places = len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        server = stack.enter_context(peers.serving(peer, run.folder / "log"))
        queue = _Queue(peer, peers.our_keys(peer, data), server)
        for _ in range(int(run.amount(20, 5))):
            latency.samples.setdefault(OURS, []).append(queue.alone())
            latency.samples.setdefault(_BARE, []).append(_bare(python))
        _sample(memory[0], OURS, queue.memory())
        run.say(f"queueing {jobs:,} jobs")
        queue.block()
        _sample(queueing, OURS, jobs / queue.fill(jobs))
        _sample(memory[1], OURS, queue.memory())
        queue.unblock()
        begun = queue.mark(0)
        first = queue.mark(part, run)
        late = queue.mark(jobs - part, run)
        last = queue.mark(jobs, run)
        _sample(memory[2], OURS, queue.memory())
        _sample(rate, OURS, jobs / (last[0] - begun[0]))
        for subject, (earlier, later) in {_FIRST: (begun, first), OURS: (late, last)}.items():
            _sample(seconds, subject, (later[0] - earlier[0]) / part)
            _sample(cost, subject, (later[1] - earlier[1]) / part * 1000)
        queue.check(jobs)
    run.say(f"{part:,} bare processes")
    _sample(rate, _BARE, part / _bare_at_once(python, part, places))
    run.note(f"{jobs:,} jobs of one user; {places} at once, as many bare processes.")
    run.note("ours keeps each job's record, log, lineage and model.tar.gz; bare processes keep nothing.")
    return [latency, queueing, rate, seconds, cost, *memory]


class _Queue:
    """Our server's jobs."""

    def __init__(self, peer: peers.Peer, keys: peers.Keys, server: psutil.Process) -> None:
        self._s3, self._sagemaker, self._logs = (peers.client(name, peer, keys) for name in ("s3", "sagemaker", "logs"))
        self._s3.create_bucket(Bucket=_BUCKET)
        self._role = peers.role_arn(peer)
        self._server = server
        self._alone = 0
        self._peer, self._keys = peer, keys

    def alone(self) -> float:
        """Seconds from the call to the first line of a job that finds nobody before it."""
        self._alone += 1
        name = f"alone-{self._alone}"
        begun = time.time_ns()
        self._create(self._sagemaker, name)
        self._wait_for(name)
        found = self._logs.filter_log_events(
            logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/"
        )["events"]
        return _first_line("\n".join(event["message"] for event in found), begun)

    def block(self) -> None:
        """Take up the whole machine."""
        self._create(self._sagemaker, "blocker", "import time; time.sleep(36000)", instance="ml.m5.24xlarge", count=2)
        while self._described("blocker")["SecondaryStatus"] != "Training":
            time.sleep(0.05)

    def unblock(self) -> None:
        self._sagemaker.stop_training_job(TrainingJobName="blocker")

    def fill(self, jobs: int) -> float:
        """Queue them; how long that took."""
        begun = time.perf_counter()
        with ThreadPoolExecutor(_CLIENTS) as pool:
            clients = [peers.client("sagemaker", self._peer, self._keys) for _ in range(_CLIENTS)]
            shares = [
                pool.submit(self._fill, clients[number], range(number, jobs, _CLIENTS)) for number in range(_CLIENTS)
            ]
            for share in shares:
                share.result()
        return time.perf_counter() - begun

    def _fill(self, client: Any, numbers: range) -> None:
        for number in numbers:
            self._create(client, f"job-{number:05d}")

    def mark(self, ended: int, run: Run | None = None) -> tuple[float, float]:
        """Wait until so many have ended: when that was, and the processor time that the server had used by then."""
        if run is not None:
            run.say(f"until {ended:,} have ended")
            self._wait_for(f"job-{ended - 1:05d}")
        times = self._server.cpu_times()
        return time.perf_counter(), times.user + times.system

    def check(self, jobs: int) -> None:
        """All of them ended well."""
        for state in ("InProgress", "Failed"):
            left = self._sagemaker.list_training_jobs(StatusEquals=state, MaxResults=1)["TrainingJobSummaries"]
            if left and state == "InProgress":
                time.sleep(1.0)  # two that ran at once may end in either order
                left = self._sagemaker.list_training_jobs(StatusEquals=state)["TrainingJobSummaries"]
            if left:
                raise RuntimeError(f"of {jobs} jobs {left[0]['TrainingJobName']} is {state}")

    def memory(self) -> float:
        """MB that are the server's own: pages of its database's file, which it maps, are the system's to take back."""
        told = self._server.memory_info()
        return float(told.rss - told.shared) / 1e6

    def _wait_for(self, name: str) -> None:
        end = time.monotonic() + _PATIENCE_S
        pause = 0.01
        while (job := self._described(name))["TrainingJobStatus"] == "InProgress":
            if time.monotonic() > end:
                raise RuntimeError(f"{name} does not end")
            time.sleep(pause)
            pause = min(pause * 1.2, 0.2)
        if job["TrainingJobStatus"] != "Completed":
            raise RuntimeError(f"{name} ended as {job['TrainingJobStatus']}: {job.get('FailureReason')}")

    def _described(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._sagemaker.describe_training_job(TrainingJobName=name)
        return found

    def _create(
        self,
        client: Any,
        name: str,
        code: str = _NOTHING,
        *,
        instance: str = "ml.m5.large",
        count: int = 1,
    ) -> None:
        client.create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification={
                "TrainingImage": peers.IMAGE,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python", "-c", code],
            },
            RoleArn=self._role,
            OutputDataConfig={"S3OutputPath": f"s3://{_BUCKET}/models"},
            ResourceConfig={"InstanceType": instance, "InstanceCount": count, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 86_400},
        )


def _bare(python: Path) -> float:
    begun = time.time_ns()
    done = subprocess.run([str(python), "-c", _NOTHING], capture_output=True, text=True, check=True)
    return _first_line(done.stdout, begun)


def _bare_at_once(python: Path, jobs: int, places: int) -> float:
    """How long so many take, `places` at a time."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(places) as pool:
        list(pool.map(lambda _: _bare(python), range(jobs)))
    return time.perf_counter() - begun


def _first_line(printed: str, begun: int) -> float:
    found = re.search(r"first-line (\d+)", printed)
    if found is None:
        raise RuntimeError(f"The first line is not in what was printed:\n{printed[-2000:]}")
    return (int(found[1]) - begun) / 1e9


def _sample(figure: Figure, subject: str, value: float) -> None:
    figure.samples.setdefault(subject, []).append(value)
