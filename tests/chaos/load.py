"""Clients that ask an endpoint without a pause, and try again as botocore does by itself."""

from __future__ import annotations

import json
import threading
import time

import boto3
from botocore.config import Config

from .server import Front, eventually

LONGEST = 300.0
"""Seconds that one request may take with all its tries."""


class Load:
    """A thread for each client, while the block lasts."""

    def __init__(self, front: Front, endpoint: str, *, clients: int = 1, pause: float = 0) -> None:
        """`pause`: seconds between an answer and the next question."""
        environment = front.environment()
        session = boto3.Session(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment["AWS_SESSION_TOKEN"],
            "us-east-1",
        )
        config = Config(retries={"mode": "standard"}, max_pool_connections=clients)
        url = f"http://127.0.0.1:{front.port}"
        self._client = session.client("sagemaker-runtime", endpoint_url=url, config=config)
        self._endpoint, self._pause = endpoint, pause
        self.answered = self.tries = 0
        """`tries` are those that the clients made again."""
        self.longest = 0.0
        """Seconds that one request took, with its tries."""
        self.failures: list[str] = []
        """What reached a client all the same."""
        self.during = ""
        """What is going on, for the failures."""
        self._begun = time.monotonic()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(LONGEST)
        if any(thread.is_alive() for thread in self._threads):
            self.failures.append("a request is not answered")
        self._client.close()

    def goes_on(self, count: int = 40) -> None:
        """So many more answers."""
        wanted = self.answered + count
        eventually(lambda: self.failures or self.answered >= wanted, within=120, what=f"answers during {self.during}")

    def check(self) -> None:
        """No request failed."""
        assert not self.failures, f"{len(self.failures)} of {self.answered} requests failed: {self.failures[:5]}"

    def _ask(self, number: int) -> None:
        asked = 0
        while not self._over.wait(self._pause):
            asked += 1
            word, begun = f"{number}-{asked}", time.monotonic()
            try:
                answer = self._client.invoke_endpoint(
                    EndpointName=self._endpoint, ContentType="application/json", Body=json.dumps(word)
                )
                said = json.loads(json.loads(answer["Body"].read())["said"])
                assert said == word, f"{said} is the answer to something else"
            except Exception as error:  # noqa: BLE001  # whatever reaches a client
                after = time.monotonic() - self._begun
                self.failures.append(f"after {after:.1f} s, during {self.during}: {type(error).__name__}: {error}")
            else:
                self.answered += 1
                self.tries += answer["ResponseMetadata"]["RetryAttempts"]
            self.longest = max(self.longest, time.monotonic() - begun)
