"""Connections of a server to the wardens of its nodes, and what it knows of a node that does not answer."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, TypeVar

from sagewright.base.errors import Terminal, Transient
from sagewright.compute.ray_cluster.cluster import Address, Cluster, NodeInfo
from sagewright.compute.ray_cluster.relay import connected
from sagewright.compute.ray_cluster.wire import Wire

T = TypeVar("T")
_FENCE: Final = 75.0
"""Seconds after which a machine that Ray has given up, and that cannot be asked, runs nothing any more: by then a
node that is cut off has ended itself (Ray gives it 60), and its warden its tasks."""
_AGAIN: Final = 1.0
"""Seconds until another try to reach a node that has refused one."""
_LATER: Final = 10.0
"""The same where a try took long."""
ANSWER: Final = 60.0
"""Seconds that a warden may take to say something."""
_IDLE: Final = 8
"""Connections to a node that are kept while nobody needs them."""

Fate = Literal["answers", "silent", "gone"]


class Links:
    """All nodes of one server. Any thread."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._guard = threading.Lock()
        self._idle: dict[str, list[tuple[Address, Wire]]] = {}
        self._silent: dict[str, tuple[float, float]] = {}
        """Nodes that do not answer: since when, and when they may be tried again."""
        self._ended: dict[str, tuple[float, bool]] = {}
        """When it was looked whether Ray has ended on a node, and what was seen."""
        self._closed = False

    def ask(self, node: str, message: Mapping[str, Any], talk: Callable[[Wire, dict[str, Any]], T]) -> T:
        """Send a message; `talk` gets the answer and may go on. Asked again, once, where a connection was stale.

        Raises ConnectionError where the node does not answer, and what the warden refuses as Terminal or Transient.
        """
        for fresh in (False, True):
            with self._wire(node, fresh=fresh) as wire:
                try:
                    wire.send(message)
                    answer = wire.receive()
                except OSError:
                    if fresh:
                        raise
                    continue
                check(answer)
                return talk(wire, answer)
        raise AssertionError("the second try returns or raises")

    def tell(self, node: str, operation: str, **members: Any) -> dict[str, Any]:
        """A message that is answered by one."""
        return self.ask(node, {"op": operation, **members}, lambda _, answer: answer)

    def address(self, node: str) -> Address | None:
        """Where its warden listens, as far as that is known."""
        found = self._cluster.nodes().get(node)
        return found.warden if found is not None else None

    def fate(self, node: str) -> Fate:
        """What is known of a node that did not answer just now: whether what ran there can still run."""
        with self._guard:
            first, _ = self._silent.get(node, (time.monotonic(), 0.0))
        try:
            found = self._cluster.nodes(again=[node]).get(node)
        except Transient:
            return "silent"
        if found is not None and found.alive:
            return "silent" if found.warden is None else "answers"
        is_over = time.monotonic() - first > _FENCE or (found is not None and self._has_ended(found))
        return "gone" if is_over else "silent"

    def _has_ended(self, node: NodeInfo) -> bool:
        """Whether a machine is up, and Ray's node is not any more: then its warden has ended its tasks."""
        when, seen = self._ended.get(node.id, (float("-inf"), False))
        if seen or time.monotonic() - when < _LATER:
            return seen
        try:
            socket.create_connection((node.host, node.port), timeout=2).close()
        except ConnectionRefusedError:
            seen = True
        except OSError:
            pass
        self._ended[node.id] = time.monotonic(), seen
        return seen

    def close(self) -> None:
        with self._guard:
            self._closed = True
            for _, wire in [pair for idle in self._idle.values() for pair in idle]:
                wire.close()
            self._idle.clear()

    @contextlib.contextmanager
    def _wire(self, node: str, *, fresh: bool) -> Iterator[Wire]:
        """A connection, kept for the next who needs one unless something goes wrong."""
        address, wire = self._take(node, fresh=fresh)
        try:
            yield wire
        except (Terminal, Transient):
            self._put(node, address, wire)
            raise
        except BaseException:
            wire.close()
            raise
        self._put(node, address, wire)

    def _take(self, node: str, *, fresh: bool) -> tuple[Address, Wire]:
        address = self.address(node)
        with self._guard:
            idle = self._idle.setdefault(node, [])
            while idle:
                known, wire = idle.pop()
                if known == address and not fresh:
                    return known, wire
                wire.close()
            begun = time.monotonic()
            first, not_before = self._silent.get(node, (begun, 0.0))
            if begun < not_before:
                raise ConnectionError(f"the node {node} does not answer")
        try:
            address, wire = self._connect(node, address)
        except OSError as problem:
            now = time.monotonic()
            with self._guard:
                self._silent[node] = first, now + (_AGAIN if now - begun < _AGAIN else _LATER)
            raise ConnectionError(str(problem)) from problem
        with self._guard:
            self._silent.pop(node, None)
        return address, wire

    def _connect(self, node: str, address: Address | None) -> tuple[Address, Wire]:
        """Raises OSError where it is not where it is known to be; then Ray is asked where it is now."""
        try:
            if address is None:
                raise ConnectionError(f"the node {node} has no warden")
            wire = connected(address.host, address.port, address.token)
        except OSError:
            with contextlib.suppress(Transient):
                self._cluster.nodes(again=[node])
            raise
        wire.sock.settimeout(ANSWER)
        return address, wire

    def _put(self, node: str, address: Address, wire: Wire) -> None:
        with self._guard:
            idle = self._idle.setdefault(node, [])
            if not self._closed and len(idle) < _IDLE:
                idle.append((address, wire))
                return
        wire.close()


def check(answer: Mapping[str, Any]) -> None:
    """Raises what a warden has refused."""
    if "refused" in answer:
        raise (Terminal if answer["kind"] == "Terminal" else Transient)(answer["refused"])
