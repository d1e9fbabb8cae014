"""Users of an endpoint, run by locust: each signs its requests through botocore, asks, and thinks before it asks again.

BENCH_TOLD is the file that gets a line of JSON each second, BENCH_STAGES a list of [seconds, users, users a second],
BENCH_PATH the endpoint's path, BENCH_BODY a request's body, BENCH_KEYS [access key id, secret, session token].
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

import gevent
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from locust import LoadTestShape, between, events, task
from locust.contrib.fasthttp import FastHttpUser

PATH = os.environ["BENCH_PATH"]
BODY = os.environ["BENCH_BODY"].encode()
STAGES = json.loads(os.environ["BENCH_STAGES"])
SIGNER = SigV4Auth(Credentials(*json.loads(os.environ["BENCH_KEYS"])), "sagemaker", os.environ["BENCH_REGION"])

since: list[tuple[float, bool]] = []
"""Requests that ended in this second: milliseconds, and whether they failed."""


class Asker(FastHttpUser):
    """Somebody who looks at each answer for two to four seconds."""

    wait_time = between(2, 4)

    @task
    def ask(self) -> None:
        """InvokeEndpoint, without a retry."""
        request = AWSRequest("POST", f"{self.host}{PATH}", {"Content-Type": "application/json"}, BODY)
        SIGNER.add_auth(request)
        self.client.post(PATH, data=BODY, headers=dict(request.headers.items()), name="InvokeEndpoint")


class Crowd(LoadTestShape):
    """Users come and go by the stages."""

    def tick(self) -> tuple[int, float] | None:
        """How many there should be now, and how many come or go in a second; None at the end."""
        passed = self.get_run_time()
        for seconds, users, pace in STAGES:
            if passed < seconds:
                return users, pace
            passed -= seconds
        return None


@events.request.add_listener
def note(response_time: float, exception: Exception | None, **_: Any) -> None:
    """Called by locust after each request."""
    since.append((response_time, exception is not None))


@events.test_start.add_listener
def begin(environment: Any, **_: Any) -> None:
    """Start to tell."""
    gevent.spawn(_tell, environment.runner)


def _tell(runner: Any) -> None:
    with open(os.environ["BENCH_TOLD"], "a", buffering=1) as file:
        while True:
            gevent.sleep(1)
            ended, since[:] = since[:], []
            line = {
                "at": time.time(),
                "users": runner.user_count,
                "ms": [round(took, 1) for took, _ in ended],
                "failed": sum(failed for _, failed in ended),
            }
            file.write(json.dumps(line) + "\n")
