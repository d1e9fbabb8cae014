"""How the hosts of a job find each other: the master listens, each of the others tells it about itself and gets all.

The line stays open while they train. Over it a host says how it ended, and one that was killed is missed at once.
Both sides prove that they know the job's key before they believe a word: others listen on this machine too.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, Any

from sagewright_container.training.cluster import Cluster
from sagewright_container.training.failure import ClientError
from sagewright_container.training.ports import candidates

PATIENCE_S = 15 * 60  # as long as SageMaker's toolkit waits for a host's name
_ANSWER_S = 5.0
_LINGER_S = 5.0
_AFTER_S = 0.2
_LONGEST = 1 << 20

Table = Mapping[str, Mapping[str, Any]]


class Meeting:
    """What each host told about itself, and a line to the others."""

    def __init__(self, table: Table, lines: Mapping[str, Line]) -> None:
        self.table = table
        self._lines = lines
        self._watched = False
        self._over = threading.Event()
        self._code: int | None = None
        self._gone = {host: threading.Event() for host in lines}

    def line(self, host: str) -> Line:
        """The line to another host, for who does not watch it yet: the master has one to each, the others to it."""
        return self._lines[host]

    def watch(self, ended: Callable[[str, int | None], None]) -> None:
        """From now on call `ended(host, exit code)` when another host ends; None: it is gone without a word.

        The master sees all hosts, each of the others the master. Called from threads of our own.
        """
        self._watched = True
        for host, line in self._lines.items():
            threading.Thread(target=self._wait_for, args=(host, line, ended), daemon=True).start()

    def wait(self) -> int | None:
        """Wait for the master's exit code; None: it is gone without a word. Not for the master itself."""
        if not self._watched:
            self.watch(lambda _host, _code: None)
        self._over.wait()
        return self._code

    def close(self) -> None:
        """Hang up on all."""
        for line in self._lines.values():
            line.close()

    def _wait_for(self, host: str, line: Line, ended: Callable[[str, int | None], None]) -> None:
        self._code = line.read_end()
        self._over.set()
        ended(host, self._code)
        line.wait_closed()
        self._gone[host].set()

    def outlast(self, host: str) -> None:
        """Wait a moment until a host that is being watched, and has ended, is gone: who fails first is the cause."""
        self._gone[host].wait(_LINGER_S)
        time.sleep(_AFTER_S)

    def leave(self, exit_code: int) -> None:
        """Tell the others how this host ended."""
        for line in self._lines.values():
            with contextlib.suppress(OSError):
                line.write({"ended": exit_code})


class Line:
    """One JSON object a line, over a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file: IO[bytes] = connection.makefile("rb")

    def write(self, message: Mapping[str, Any]) -> None:
        """Raises OSError where nobody reads any more."""
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def read(self) -> dict[str, Any]:
        """Raises OSError for an end of the line and for what is none of ours."""
        text = self._file.readline(_LONGEST)
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise ConnectionError("no message of a host of this job")
        return message

    def write_bytes(self, data: bytes) -> None:
        """What a message has announced. Raises OSError where nobody reads any more."""
        self.connection.sendall(data)

    def read_bytes(self, count: int) -> bytes:
        """What a message has announced. Raises OSError where the line ends before."""
        data = self._file.read(count)
        if len(data) < count:
            raise ConnectionError("the line ended early")
        return data

    def read_end(self) -> int | None:
        """How the other side says it ended; None: it ended without a word."""
        try:
            code = self.read().get("ended")
        except OSError:
            return None
        return code if isinstance(code, int) else None

    def wait_closed(self) -> None:
        """Return when the other side has hung up."""
        with contextlib.suppress(OSError):
            while self._file.read(4096):
                pass

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)  # whoever reads in another thread returns
        self._file.close()
        self.connection.close()


def gather(cluster: Cluster, about: Mapping[str, Any], *, patience: float = PATIENCE_S) -> Meeting:
    """Meet the other hosts; answers what each of them told about itself, by host.

    Raises ClientError when somebody has not come after `patience` seconds.
    """
    if len(cluster.hosts) == 1:
        return Meeting({cluster.current: about}, {})
    deadline = time.monotonic() + patience
    if cluster.rank == 0:
        return _receive(cluster, about, deadline)
    return _visit(cluster, about, deadline)


def _receive(cluster: Cluster, about: Mapping[str, Any], deadline: float) -> Meeting:
    """The master's side."""
    lines: dict[str, Line] = {}
    table: dict[str, Mapping[str, Any]] = {cluster.current: about}
    nonces: dict[str, str] = {}
    with _listen(cluster) as door:
        while missing := [host for host in cluster.hosts if host not in table]:
            door.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                connection, _ = door.accept()
            except TimeoutError:
                raise ClientError(_not_come(", ".join(missing), "to the meeting of the hosts of this job")) from None
            connection.settimeout(_ANSWER_S)
            line = Line(connection)
            try:
                nonce = secrets.token_hex(16)
                line.write({"nonce": nonce})
                told = line.read()
                host = str(told.get("host"))
                if host not in missing or not proves(told, cluster.key, host, nonce):
                    raise ConnectionError("not a host of this job")
            except OSError:
                line.close()
                continue
            table[host], lines[host], nonces[host] = told.get("about", {}), line, str(told.get("nonce"))
    for host, line in lines.items():
        line.connection.settimeout(None)
        line.write({"proof": proof(cluster.key, cluster.master, nonces[host]), "table": table})
    return Meeting(table, lines)


def _visit(cluster: Cluster, about: Mapping[str, Any], deadline: float) -> Meeting:
    """The side of everybody else. Something else may listen where the master should: then the next port is tried."""
    pause = 0.02
    while True:
        for port in candidates(cluster.key):
            with contextlib.suppress(OSError):
                line = Line(socket.create_connection((cluster.master, port), timeout=_ANSWER_S))
                try:
                    table = _introduce(line, cluster, about, deadline)
                except BaseException:
                    line.close()
                    raise
                return Meeting(table, {cluster.master: line})
        if time.monotonic() > deadline:
            raise ClientError(_not_come(cluster.master, "where the hosts of this job meet"))
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)


def _introduce(line: Line, cluster: Cluster, about: Mapping[str, Any], deadline: float) -> Table:
    nonce = secrets.token_hex(16)
    asked = str(line.read().get("nonce"))
    shown = proof(cluster.key, cluster.current, asked)
    line.write({"host": cluster.current, "proof": shown, "nonce": nonce, "about": about})
    line.connection.settimeout(max(deadline - time.monotonic(), _ANSWER_S))  # the others may take their time
    answer = line.read()
    if not proves(answer, cluster.key, cluster.master, nonce):
        raise ConnectionError("not the master of this job")
    line.connection.settimeout(None)
    table: Table = answer["table"]
    return table


def _listen(cluster: Cluster) -> socket.socket:
    for port in candidates(cluster.key):
        with contextlib.suppress(OSError):
            return socket.create_server((cluster.master, port), backlog=len(cluster.hosts) + 8)
    raise ClientError(f"The host {cluster.master} of this job found no port for the others to meet it at.")


def proof(key: str, host: str, nonce: str) -> str:
    """Shows that `host` knows the job's key, to whoever made up the nonce."""
    return hmac.new(key.encode(), f"{host}\0{nonce}".encode(), hashlib.sha256).hexdigest()


def proves(message: Mapping[str, Any], key: str, host: str, nonce: str) -> bool:
    """Whether the message comes from `host` of the job with this key."""
    return hmac.compare_digest(str(message.get("proof")), proof(key, host, nonce))


def _not_come(who: str, where: str) -> str:
    return f"{who} did not come within {PATIENCE_S // 60} minutes {where}."
