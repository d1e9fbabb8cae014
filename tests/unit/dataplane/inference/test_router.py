"""Routes follow the store, whoever writes when."""

from __future__ import annotations

import threading
from dataclasses import replace

from sagewright.dataplane.inference.router import Router
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record
from sagewright.store.memory import MemoryStore

KEY = Key("1", "us-east-1", KIND, "", "e")


class SlowReader(MemoryStore):
    """Holds the first reader back after it has read, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.has_read, self.let_go = threading.Event(), threading.Event()
        self.slow: threading.Thread | None = None

    def get(self, key: Key) -> Record | None:
        record = super().get(key)
        if threading.current_thread() is self.slow:
            self.has_read.set()
            assert self.let_go.wait(10)
        return record


def test_an_older_state_never_replaces_a_newer_one() -> None:
    store = SlowReader()
    record = store.create(Record(KEY, "u", 0.0, 0.0, status={"EndpointArn": "arn"}, state="Creating"))
    router = Router(store)
    router.follow()

    def update() -> None:
        store.update(replace(record, state="Updating"))

    store.slow = threading.Thread(target=update)
    store.slow.start()
    assert store.has_read.wait(10)
    newer = threading.Thread(target=lambda: store.update(replace(record, state="InService", version=2)))
    newer.start()
    newer.join(0.2)
    store.let_go.set()
    store.slow.join(10)
    newer.join(10)
    assert router._routes[KEY.account, KEY.region, KEY.name].state == "InService"
