"""Users that come and go, run by locust, at an endpoint with one to four instances: what autoscaling makes of them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench import chart, endpoints, peers
from bench.base import OURS, ROOT, Figure, Run

TITLE = "an endpoint of 1 to 4 instances under a crowd of signing users that grows and shrinks (locust)"

_MOST: Final = 4
_TARGET: Final = 3.0
"""Requests that an instance should have at once."""
_IDLE: Final = 0.5
"""Below so many there is an instance too many."""
_EVERY_S: Final = 10
_METRIC: Final = {
    "Namespace": "AWS/SageMaker",
    "MetricName": "ConcurrentRequestsPerModel",
    "Dimensions": [
        {"Name": "EndpointName", "Value": "crowded"},
        {"Name": "VariantName", "Value": endpoints.VARIANT},
    ],
}
_SCALABLE: Final = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/crowded/variant/{endpoints.VARIANT}",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
_SLOW_MODEL: Final = """
import os, time, joblib

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))

def predict_fn(rows, model):
    time.sleep(0.015)
    return model.predict(rows)
"""


@dataclass(frozen=True)
class _Moment:
    """Ten seconds of the run."""

    at: float
    """Seconds since the beginning, of its end."""
    users: int
    per_second: float
    failed: int
    p50_ms: float
    p95_ms: float
    concurrency: float | None
    """The metric; None where nobody asked."""
    instances: int


def measure(run: Run) -> Sequence[Figure]:
    """One run: few users, many that come by and by, few again."""
    users = int(run.amount(500, 150))
    model = endpoints.trained(run, _SLOW_MODEL)
    locust = peers.environment(run, "locust") / "bin" / "locust"
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        account = endpoints.Account(run, peer, data, model)
        account.deploy("crowded")
        _scale(account)
        told = run.folder / "told"
        begun = time.time()
        counts = _watch(run, account, _crowd(run, locust, peer, account, told, users))
        moments = _moments(begun, told, counts, _concurrency(account, begun))
        activities = account.client("application-autoscaling").describe_scaling_activities(**_SCALABLE)
    run.show(_timeline(moments))
    run.show("".join(f"  {line}\n" for line in _reasons(activities["ScalingActivities"], begun)))
    run.keep("autoscaling.svg", _drawn(moments))
    run.note("the model's predictions take 15 ms and little of the cores, as on an accelerator; users do not retry.")
    return _figures(moments, users, enough=not run.quick)


def _scale(account: endpoints.Account) -> None:
    """Target tracking makes instances, a step policy takes them away: tracking does that too, but after 15 minutes."""
    scaling, cloudwatch = account.client("application-autoscaling"), account.client("cloudwatch")
    scaling.register_scalable_target(**_SCALABLE, MinCapacity=1, MaxCapacity=_MOST)
    predefined = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    tracking = {
        "TargetValue": _TARGET,
        "PredefinedMetricSpecification": {"PredefinedMetricType": predefined},
        "ScaleOutCooldown": 0,
        "DisableScaleIn": True,
    }
    scaling.put_scaling_policy(
        **_SCALABLE,
        PolicyName="busy",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1}],
        "Cooldown": _EVERY_S,
    }
    idle = scaling.put_scaling_policy(
        **_SCALABLE, PolicyName="idle", PolicyType="StepScaling", StepScalingPolicyConfiguration=steps
    )
    cloudwatch.put_metric_alarm(
        AlarmName="idle",
        **_METRIC,
        Statistic="Average",
        Period=_EVERY_S,
        EvaluationPeriods=2,
        ComparisonOperator="LessThanThreshold",
        Threshold=_IDLE,
        AlarmActions=[idle["PolicyARN"]],
    )


def _crowd(
    run: Run, locust: Path, peer: peers.Peer, account: endpoints.Account, told: Path, users: int
) -> subprocess.Popen[bytes]:
    few = users // 25
    rise, hold, fall = run.amount(125, 40), run.amount(55, 30), run.amount(150, 100)
    stages = [[run.amount(30, 15), few, few], [rise + hold, users, users / rise], [fall, few, users / 5]]
    variables = {
        "BENCH_TOLD": str(told),
        "BENCH_STAGES": json.dumps(stages),
        "BENCH_PATH": "/endpoints/crowded/invocations",
        "BENCH_BODY": endpoints.rows()[0].decode(),
        "BENCH_KEYS": json.dumps([account.keys.access_key_id, account.keys.secret, account.keys.token]),
        "BENCH_REGION": peers.REGION,
    }
    command = [str(locust), "-f", str(ROOT / "bench" / "apps" / "users.py"), "--headless", "--only-summary"]
    with (run.folder / "locust.log").open("wb") as log:
        return subprocess.Popen([*command, "--host", peer.url], stdout=log, stderr=log, env={**os.environ, **variables})


def _watch(run: Run, account: endpoints.Account, crowd: subprocess.Popen[bytes]) -> Sequence[tuple[float, int]]:
    """(time, instances in service), each second until the users have gone."""
    found: list[tuple[float, int]] = []
    begun = time.time()
    try:
        while crowd.poll() is None:
            (variant,) = account.sagemaker.describe_endpoint(EndpointName="crowded")["ProductionVariants"]
            found.append((time.time(), variant["CurrentInstanceCount"]))
            run.say(f"autoscaling: {time.time() - begun:.0f} s, {found[-1][1]} instances")
            time.sleep(1)
    finally:
        crowd.kill()
        crowd.wait()
    return found


def _concurrency(account: endpoints.Account, begun: float) -> Mapping[float, float]:
    """What drove it: the metric, by the end of its ten seconds."""
    stat = {"Metric": _METRIC, "Period": _EVERY_S, "Stat": "Average"}
    time.sleep(_EVERY_S)  # until the last datapoint is written
    results = account.client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": stat}],
        StartTime=datetime.fromtimestamp(begun, UTC),
        EndTime=datetime.now(UTC),
    )["MetricDataResults"][0]
    pairs = zip(results["Timestamps"], results["Values"], strict=True)
    return {moment.timestamp() + _EVERY_S: value for moment, value in pairs}


def _moments(
    begun: float, told: Path, counts: Sequence[tuple[float, int]], concurrency: Mapping[float, float]
) -> Sequence[_Moment]:
    """All that is known, in tens of seconds on the clock, as the metric's datapoints lie."""
    seconds = [json.loads(line) for line in told.read_text().splitlines()]
    found = []
    first = begun // _EVERY_S * _EVERY_S + _EVERY_S
    for end in range(int(first), int(counts[-1][0]) + 1, _EVERY_S):
        now = [each for each in seconds if end - _EVERY_S <= each["at"] < end]
        instances = [count for at, count in counts if end - _EVERY_S <= at < end]
        if not now or not instances:
            continue
        took = sorted(ms for each in now for ms in each["ms"]) or [0.0]
        found.append(
            _Moment(
                at=end - begun,
                users=now[-1]["users"],
                per_second=sum(len(each["ms"]) for each in now) / len(now),
                failed=sum(each["failed"] for each in now),
                p50_ms=took[len(took) // 2],
                p95_ms=took[int(len(took) * 0.95)],
                concurrency=concurrency.get(float(end)),
                instances=instances[-1],
            )
        )
    return found


def _figures(moments: Sequence[_Moment], users: int, *, enough: bool) -> Sequence[Figure]:
    """`enough`: whether the users are so many that all instances are needed."""
    figures = [
        Figure("users at once", "", goal=users, samples={OURS: [max(each.users for each in moments)]}),
        Figure("instances at most", "", samples={OURS: [max(each.instances for each in moments)]}),
        Figure("instances at the end", "", more=False, goal=1, samples={OURS: [moments[-1].instances]}),
        Figure("requests that failed", "", more=False, goal=0, samples={OURS: [sum(each.failed for each in moments)]}),
    ]
    if enough:
        figures[1].goal = _MOST
    if full := [each.p50_ms for each in moments if each.instances == _MOST and each.users == users]:
        figures.append(Figure("p50 with all users and instances", "ms", more=False, samples={OURS: full}))
    return figures


def _timeline(moments: Sequence[_Moment]) -> str:
    lines = ["     s  users   req/s  failed   p50 ms   p95 ms  concurrent  instances"]
    for each in moments:
        concurrent = "" if each.concurrency is None else f"{each.concurrency:.1f}"
        lines.append(
            f"  {each.at:4.0f} {each.users:6d} {each.per_second:7.0f} {each.failed:7d} {each.p50_ms:8.0f} "
            f"{each.p95_ms:8.0f} {concurrent:>11}  {'█ ' * each.instances}"
        )
    return "\n".join([*lines, "  concurrent: requests that an instance has at once, ConcurrentRequestsPerModel", ""])


def _reasons(activities: Sequence[Mapping[str, Any]], begun: float) -> Sequence[str]:
    """What autoscaling says that it did, the first first."""
    return [f"{each['StartTime'].timestamp() - begun:5.0f} s: {each['Description']} {each['Cause']}"[:200]
            for each in reversed(activities)]  # fmt: skip


def _drawn(moments: Sequence[_Moment]) -> str:
    asked = [each for each in moments if each.concurrency is not None]
    return chart.svg(
        [
            chart.Series("Users", [(each.at, each.users) for each in moments]),
            chart.Series("Requests a second", [(each.at, each.per_second) for each in moments]),
            chart.Series(
                f"Requests that an instance has at once (ConcurrentRequestsPerModel); the target is {_TARGET:g}",
                [(each.at, each.concurrency or 0.0) for each in asked],
                mark=_TARGET,
            ),
            chart.Series("Instances", [(each.at, each.instances) for each in moments], steps=True),
        ]
    )
